<?php
$db = new mysqli('db', 'root', getenv('DB_PASSWORD'), 'shop');
$db->query('CREATE TABLE IF NOT EXISTS visits (id INT AUTO_INCREMENT PRIMARY KEY)');
$db->query('INSERT INTO visits VALUES ()');
echo 'visit ' . $db->insert_id . ' in ' . (getenv('APP_ENV') ?: 'production') . "\n";
