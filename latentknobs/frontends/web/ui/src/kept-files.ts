/** Files that were opened, kept in this browser by their hash, so that a reload of the page has them. */
const NAME = "latentknobs";
const FILES = "files";
const MOST = 8;

/** Keeps a file, in base64; where the browser keeps nothing, nothing is lost but after a reload. */
export async function keepFile(sha256: string, data: string): Promise<void> {
  try {
    const files = (await database()).transaction(FILES, "readwrite").objectStore(FILES);
    await done(files.put({ data, at: Date.now() }, sha256));
    const [keys, values] = await Promise.all([done(files.getAllKeys()), done(files.getAll() as IDBRequest<{ at: number }[]>)]);
    const oldest = keys.map((key, index) => ({ key, at: values[index]!.at })).sort((a, b) => b.at - a.at).slice(MOST);
    for (const { key } of oldest) files.delete(key);
  } catch {
    // Private windows and full disks.
  }
}

/** The file of that hash, in base64; null where it is not there. */
export async function keptFile(sha256: string): Promise<string | null> {
  try {
    const files = (await database()).transaction(FILES).objectStore(FILES);
    return ((await done(files.get(sha256))) as { data: string } | undefined)?.data ?? null;
  } catch {
    return null;
  }
}

function database(): Promise<IDBDatabase> {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => { opening.result.createObjectStore(FILES); };
  return done(opening);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no storage"));
  });
}
