export async function watchProject(..._args: unknown[]): Promise<void> {}
