import type { Scratch } from "./scratch.ts";

/** A tree with one of everything that a layer can hold. */
export function variedTree(scratch: Scratch, folder = scratch.folder("tree")): string {
  scratch.shell(
    folder,
    `mkdir -p a/b/c sticky "with space" ${"n".repeat(200)}/${"m".repeat(200)}
     echo hello > a/file; ln a/file a/b/hard; ln -s ../file a/b/soft; ln -s /etc/passwd absolute; ln -s nowhere dangling
     mknod a/char c 1 3; mknod a/block b 7 200; mknod big c 300 70000; mkfifo a/fifo; chmod 640 a/fifo
     echo setuid > a/suid; chown 1000:1001 a/suid; chmod 4755 a/suid; chmod 1777 sticky; chmod 2775 a/b; chown 5:6 a/b/soft -h
     printf 'bytes' > $'a/\\xff\\xfe'; echo ü > "a/ümlaut"; head -c 300000 /dev/urandom > a/large; : > empty; chmod 000 empty
     truncate -s 5M sparse; echo data | dd of=sparse bs=1 seek=2000000 conv=notrunc status=none
     echo deep > ${"n".repeat(200)}/${"m".repeat(200)}/f
     python3 - <<'P'
import os
os.setxattr("a/file","user.note",b"value\\n=\\0x"); os.setxattr("a","user.dir",b"d")
os.setxattr("a/suid","security.capability",bytes.fromhex("0100000200040000000000000000000000000000"))
P
     find . -exec touch -h -d '2021-03-04 05:06:07.123456789Z' {} +; touch -d '1965-01-01Z' a/large; touch -d '2040-01-01Z' .`,
  );
  return folder;
}
