/** Size of a block; everything in an archive is a multiple of it. */
export const BLOCK = 512;

/** Bytes of PAX records or of a GNU long name: the limit of Go's archive/tar, and so of Docker. */
export const MAX_METADATA = 1 << 20;

/** Records in one PAX header. Go bounds them only by `MAX_METADATA`; a file has at most some hundred attributes. */
export const MAX_PAX_RECORDS = 16_384;

/** Records that all global headers together may leave in force: each is merged into every member. */
export const MAX_GLOBAL_RECORDS = 256;

/** Bytes of a name or link target. The kernel takes 4,095 in one call; longer names are reached part by part. */
export const MAX_NAME = 65_535;

/** Extended attributes: XATTR_SIZE_MAX and XATTR_NAME_MAX of the kernel. */
export const MAX_XATTR_VALUE = 65_536;
export const MAX_XATTR_NAME = 255;

/** Runs of data in a sparse file, and bytes of the map that describes them. */
export const MAX_EXTENTS = 1 << 18;
export const MAX_SPARSE_MAP = 4 << 20;

/** Largest content: beyond it neither a file system nor a JavaScript number can count. */
export const MAX_SIZE = Number.MAX_SAFE_INTEGER;

/** Largest user or group id. 4294967295 means "leave it as it is" to chown(2). */
export const MAX_ID = 0xffff_fffe;
