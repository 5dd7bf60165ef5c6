// A judge's list of checks: each is reported by name on a line of its own.

let checks = 0;

// check runs one assertion of a judge and reports it by name.
export async function check(name, assertion) {
  checks++;
  let error;
  try {
    await assertion();
  } catch (e) {
    error = e?.stack ?? String(e);
    const { message, stack, ...more } = e ?? {};
    if (Object.keys(more).length > 0) error += "\n" + JSON.stringify(more);
  }
  process.stdout.write("\n" + JSON.stringify({ check: name, error }) + "\n");
}

process.on("exit", (code) => {
  if (code === 0) process.stdout.write("\n" + JSON.stringify({ checks }) + "\n");
});

// rejection returns what the promise fails with.
export async function rejection(promise) {
  let result;
  try {
    result = await promise;
  } catch (e) {
    return e;
  }
  throw new Error(`no error but ${JSON.stringify(result)}`);
}
