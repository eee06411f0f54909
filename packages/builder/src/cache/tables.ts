/**
 * Steps of the cache's tables; never changed once released, only added to.
 * `results.layer`: id of the private layer, empty when the step changed nothing. `inputs`: identity of what it was made of.
 * `canonical`: the key by its content, which steps above build theirs on. `boot`: the boot in which its files were last written
 * without a sync, empty when they are synced. `tar_size`, `diff_id`: of the layer's tar, once it was made.
 * `keys`: every key that a result is found by.
 */
export const STEPS: readonly string[] = [
  `CREATE TABLE results (
     id TEXT PRIMARY KEY,
     canonical TEXT NOT NULL,
     inputs TEXT NOT NULL,
     layer TEXT NOT NULL,
     description TEXT NOT NULL,
     size INTEGER NOT NULL,
     created INTEGER NOT NULL,
     used INTEGER NOT NULL,
     usage INTEGER NOT NULL,
     diff_id TEXT NOT NULL DEFAULT '',
     tar_size INTEGER NOT NULL DEFAULT 0,
     boot TEXT NOT NULL DEFAULT '',
     parent TEXT NOT NULL DEFAULT ''
   ) STRICT;
   CREATE TABLE keys (
     key TEXT PRIMARY KEY,
     result TEXT NOT NULL REFERENCES results (id) ON DELETE CASCADE
   ) STRICT;
   CREATE INDEX keys_of ON keys (result);
   CREATE TABLE mounts (
     name TEXT PRIMARY KEY,
     folder TEXT NOT NULL UNIQUE,
     created INTEGER NOT NULL,
     used INTEGER NOT NULL,
     usage INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE downloads (
     name TEXT PRIMARY KEY,
     folder TEXT NOT NULL UNIQUE,
     facts TEXT NOT NULL,
     created INTEGER NOT NULL,
     used INTEGER NOT NULL,
     usage INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE history (
     ref TEXT PRIMARY KEY,
     created INTEGER NOT NULL,
     record TEXT NOT NULL
   ) STRICT;`,
  `CREATE TABLE configurations (
     key TEXT PRIMARY KEY,
     used INTEGER NOT NULL
   ) STRICT;`,
];
