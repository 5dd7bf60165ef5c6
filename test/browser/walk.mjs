// Walks through the console as a person does, from the one-time link to synced
// users and companies. It ends with status 1 and a picture when anything is
// not as it should be. The Go test beside it starts it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const env = (name) => {
  const value = process.env[`WALK_${name}`];
  assert.ok(value, `WALK_${name} is not set`);
  return value;
};
const require = createRequire(path.join(env('WEB'), 'package.json'));
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const link = new URL(env('LINK'));
const base = link.origin;
const sandbox = env('SANDBOX');
const shots = env('SHOTS');
const person = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'a long enough password' };

const browser = await chromium.launch({
  executablePath: env('CHROMIUM'),
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
process.on('SIGTERM', () => void browser.close().finally(() => process.exit(1)));
const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, colorScheme: 'light', reducedMotion: 'reduce' });
const page = await context.newPage();
page.setDefaultTimeout(20_000);

// Faults of the console itself: an exception, or something its own content
// security policy refused.
const faults = [];
page.on('pageerror', (err) => faults.push(`exception: ${err.message}`));
page.on('console', (m) => {
  if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) faults.push(`console: ${m.text()}`);
});

const began = Date.now();
const say = (text) => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`);

// still waits until the page has taken on the colour scheme and nothing on it
// moves any more; measured half-way, colours would be wrong.
const still = (scheme) =>
  page.waitForFunction(async (want) => {
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    const has = document.documentElement.dataset.mantineColorScheme ?? want;
    const moving = document.getAnimations().some((a) => a.playState === 'running' && a.effect?.getComputedTiming().iterations !== Infinity);
    return has === want && !moving;
  }, scheme);

// look takes a picture in light and dark and checks both for accessibility,
// and that the page fits a narrow window. Only colours differ in the dark. A
// page that comes again is not looked at again.
const seen = new Set();
async function look(name) {
  if (seen.has(name)) return;
  seen.add(name);
  const violations = [];
  await page.evaluate(axeSource);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await still(colorScheme);
    await page.screenshot({ path: path.join(shots, `${name}-${colorScheme}.png`) });
    const found = await page.evaluate(
      (rules) => globalThis.axe.run(document, { resultTypes: ['violations'], ...rules }),
      colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {},
    );
    for (const v of found.violations) {
      if (v.impact !== 'serious' && v.impact !== 'critical') continue;
      violations.push(`${colorScheme}: ${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} (${n.any[0]?.message ?? v.help})`).join('; ')}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(violations, [], `accessibility of ${name}`);
  if (page.url().startsWith(base)) {
    await page.setViewportSize({ width: 900, height: 700 });
    const excess = await page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth);
    await page.setViewportSize({ width: 1360, height: 860 });
    assert.ok(excess <= 0, `${name} is ${excess} pixels too wide for a window of 900`);
  }
  say(`looked at ${name}`);
}

const button = (name) => page.getByRole('button', { name, exact: true });
const visible = (locator) => locator.first().waitFor({ state: 'visible' });
const text = (t) => visible(page.getByText(t));
const go = (name) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
const heading = (name) => visible(page.getByRole('heading', { level: 1, name }));

// signIn answers the sandbox's pages until the browser is back.
async function signIn(decision) {
  await page.waitForURL((u) => u.origin === new URL(sandbox).origin);
  for (let step = 0; step < 4 && !page.url().startsWith(base); step++) {
    const account = page.locator('button[name=account]').first();
    const answer = page.locator(`button[name=decision][value=${decision}]`);
    await visible(account.or(answer));
    if (await answer.isVisible()) {
      if (decision === 'accept') await look('sandbox-consent');
      await answer.click();
      break;
    }
    await look('sandbox-accounts');
    await account.click();
  }
  await page.waitForURL((u) => u.origin === base);
}

// count reads a number as the console shows it.
const number = (s) => Number(s.replace(/[^0-9-]/g, ''));

// finishRun waits for the end of the run on the page and returns its counts.
async function finishRun(want) {
  await visible(page.locator('[data-testid=run-status]').getByText(want, { exact: true }));
  const counts = {};
  for (const tile of await page.locator('[data-count]').all()) {
    counts[await tile.getAttribute('data-count')] = number(await tile.innerText());
  }
  assert.equal(counts.read, counts.inserted + counts.updated + counts.unchanged + counts.rejected + counts.duplicates + counts.skipped, `sum of ${JSON.stringify(counts)}`);
  return counts;
}

// haveRows waits until the list of objects shows so many rows of one. At first
// it may show what it knew before a run.
async function haveRows(name, want) {
  await go('Objects');
  await heading('Objects');
  const cell = page.locator(`[data-rows="${name}"]`);
  await visible(cell);
  let rows;
  for (const until = Date.now() + 20_000; rows !== want && Date.now() < until; ) {
    rows = number(await cell.innerText());
    if (rows !== want) await new Promise((next) => setTimeout(next, 50));
  }
  assert.equal(rows, want, `rows of ${name}`);
}

async function choose(label, option) {
  const input = page.getByRole('combobox', { name: label });
  await input.click();
  if (await input.isEditable()) await input.fill(option);
  await page.getByRole('option', { name: option, exact: true }).or(page.getByRole('option', { name: option })).first().click();
}

// act chooses from the menu of a connection.
async function act(connection, item) {
  await button(`Actions for ${connection}`).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

const row = (name) => page.getByRole('row', { name });

async function walk() {
  say('The one-time link asks for the first administrator');
  await page.goto(link.href);
  await heading('Create the first administrator');
  await page.getByLabel('Name').fill(person.name);
  await page.getByLabel('E-mail').fill(person.email);
  await page.locator('input[autocomplete=new-password]').fill('short');
  await button('Create administrator').click();
  await text('The password needs at least 10 characters.');
  assert.equal(await page.getByLabel('Name').inputValue(), person.name, 'a refused password must not cost what was typed');
  await look('setup');
  await page.locator('input[autocomplete=new-password]').fill(person.password);
  await button('Create administrator').click();
  await heading('Connections');
  await text('Four steps to your first synced data');
  await look('first-steps');

  say('Task 1: create a connection');
  await button('Create your first connection').click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Contoso');
  await page.getByRole('textbox', { name: 'Environment URL' }).fill('https://www.example.com');
  await page.getByRole('textbox', { name: 'Client ID' }).fill(env('CLIENT_ID'));
  await page.locator('input[type=password]').fill(env('CLIENT_SECRET'));
  await button('Create and authorize').click();
  await text('www.example.com is not the host of a Dynamics 365 environment.');
  await look('create-connection');
  await page.getByRole('textbox', { name: 'Environment URL' }).fill(sandbox);

  say('Task 2: authorize it; declined at first');
  await button('Create and authorize').click();
  await signIn('decline');
  await text('Contoso was not authorized.');
  await look('declined');
  await page.getByRole('row', { name: /Contoso/ }).getByRole('button', { name: 'Authorize' }).click();
  await signIn('accept');
  await text('Contoso is authorized.');
  await text('User Sync_Contoso');
  await visible(page.getByRole('row', { name: /Contoso/ }).getByText('Authorized', { exact: true }));
  await look('authorized');

  say('Test of the connection');
  await act('Contoso', 'Test');
  await text(/The connection works\./);
  for (const check of ['Sign-in', 'Latency', 'Organization', 'Metadata', 'Users', 'Accounts']) {
    await visible(page.getByRole('dialog').getByText(check, { exact: true }));
  }
  await look('connection-test');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();

  say('Task 3: change the out-of-the-box job and run it');
  await page.getByRole('link', { name: 'Review the job' }).click();
  await heading('User Sync_Contoso');
  await page.getByLabel('When the value of row 7 is empty').selectOption('keep');
  await text('Unsaved changes');
  await button('Save').click();
  await text('User Sync_Contoso was saved.');
  await button('Run now').click();
  const usersRun = await finishRun('Success');
  assert.ok(usersRun.inserted > 0 && usersRun.inserted <= Number(env('USERS')), `users inserted: ${usersRun.inserted}`);
  assert.equal(usersRun.inserted + usersRun.skipped, usersRun.read, 'every user that the filter does not leave out is a row');
  await haveRows('User', usersRun.inserted);

  say('Task 4: create and run Company Sync');
  await go('Jobs');
  await page.getByRole('link', { name: 'Create job' }).click();
  await page.getByRole('link', { name: /Contoso/ }).click();
  await visible(page.getByRole('link', { name: /Company Sync/ }));
  await look('templates');
  await page.getByRole('link', { name: /Company Sync/ }).click();
  await visible(page.getByLabel('Source attribute of row 1'));
  assert.equal(await page.getByRole('combobox', { name: 'Source attribute of row 2' }).inputValue(), 'Account Name');
  // The README shows this page, without the message of the one before.
  await page.waitForFunction(() => !document.querySelector('.mantine-Notification-root'));
  await look('editor');
  await button('Save and run').click();
  const companiesRun = await finishRun('Success');
  assert.equal(companiesRun.inserted, Number(env('ACCOUNTS')), 'companies inserted');
  await look('run');
  await haveRows('Company', Number(env('ACCOUNTS')));
  await look('objects');

  say('A second run reads what changed: nothing');
  await go('Jobs');
  await button('Run Company Sync_Contoso now').click();
  const again = await finishRun('Success');
  assert.equal(again.read, 0, 'nothing read');

  say('A run for a date range, and once more over the same range');
  await go('Jobs');
  await button('Actions for Company Sync_Contoso').click();
  await page.getByRole('menuitem', { name: 'Run for a date range…' }).click();
  await button('Start run').click();
  await text('Say where the range begins or ends.');
  await page.getByLabel('From', { exact: true }).fill('2001-01-01T00:00');
  await page.getByLabel('Before', { exact: true }).fill('2000-01-01T00:00');
  await text('The range ends before it begins.');
  await look('run-range');
  await page.getByLabel('From', { exact: true }).fill('');
  await page.getByLabel('From', { exact: true }).pressSequentially('01022026');
  await page.keyboard.press('Enter');
  await text('Type the date and the time, or leave both empty.');
  await page.getByLabel('From', { exact: true }).fill('2000-01-01T00:00');
  await page.getByLabel('Before', { exact: true }).fill('');
  await page.keyboard.press('Enter');
  const ranged = await finishRun('Success');
  assert.equal(ranged.read, Number(env('ACCOUNTS')), 'records of the range');
  await text(/^Records last changed from /);
  const rangedRun = page.url();
  await button('Run again').click();
  await page.waitForURL((u) => u.href !== rangedRun);
  await text(/^Records last changed from /);
  assert.equal((await finishRun('Success')).read, ranged.read, 'the same range is read again');
  await page.getByText('Details', { exact: true }).click();
  await visible(page.getByText('Requests sent'));
  await look('run-again');

  say('Data of an object');
  await go('Objects');
  await page.getByRole('link', { name: 'Company', exact: true }).click();
  await text(/1–50 of 1,200 rows/);
  await look('object');
  await button('Next page').click();
  await text(/51–100 of 1,200 rows/);
  await page.getByRole('columnheader', { name: 'Name', exact: true }).getByRole('button').click();
  await text(/1–50 of 1,200 rows/);
  await visible(page.locator('th[aria-sort=ascending]'));
  await visible(page.locator('table[aria-busy=false]'));
  const names = await page.getByRole('button', { name: /^Open / }).allInnerTexts();
  assert.deepEqual(names, names.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)), 'rows in the order of their names');
  const first = page.getByRole('button', { name: /^Open / }).first();
  const company = (await first.innerText()).trim();
  await first.click();
  await visible(page.getByRole('dialog').getByText(company));
  await look('row');
  await page.keyboard.press('Escape');
  await page.getByLabel('Search Company').fill('no such company anywhere');
  await text(/No row matches/);
  await page.getByRole('tab', { name: 'Fields' }).click();
  await text('Account_Number');
  await look('fields');

  say('A mapping that cannot work is shown at its row');
  await go('Jobs');
  await heading('Jobs');
  await visible(page.getByRole('row', { name: /Company Sync_Contoso/ }));
  await look('jobs');
  await page.getByRole('link', { name: 'Create job' }).click();
  await page.getByRole('link', { name: /Contoso/ }).click();
  await page.getByRole('link', { name: /Blank job/ }).click();
  await page.getByRole('textbox', { name: 'Job name' }).fill('Accounts by hand');
  await choose('Source entity', 'Account');
  await choose('Target object', 'Company');
  await choose('Source attribute of row 1', 'Created On');
  await choose('Target field of row 1', 'Employees');
  await text(/to solve before the job can be saved/);
  await visible(page.locator('#mapping-0 .mantine-InputWrapper-error'));
  await look('editor-problem');
  await go('Jobs');
  await text('Leave without saving?');
  await button('Leave').click();
  await heading('Jobs');

  say('Filter conditions, records that are rejected');
  await page.getByRole('link', { name: 'Create job' }).click();
  await page.getByRole('link', { name: /Contoso/ }).click();
  await page.getByRole('link', { name: /Blank job/ }).click();
  await page.getByRole('textbox', { name: 'Job name' }).fill('Accounts as users');
  await choose('Source entity', 'Account');
  await choose('Target object', 'User');
  await choose('Source attribute of row 1', 'Account');
  await choose('Target field of row 1', 'External ID');
  await button('Add row').click();
  await choose('Source attribute of row 2', 'Account Name');
  await choose('Target field of row 2', 'Email');
  await button('Add condition').click();
  await choose('Attribute of condition 1', 'Status');
  await choose('Value of condition 1', 'Inactive');
  await button('Save and run').click();
  const inactive = await finishRun('Partial success');
  assert.ok(inactive.rejected > 0, 'inactive accounts are rejected');
  assert.equal(inactive.rejected, inactive.read - inactive.skipped, 'no name of an account is an e-mail address');
  await page.getByRole('link', { name: 'Edit job' }).click();
  await choose('Value of condition 1', 'Active');
  await button('Save and run').click();
  const active = await finishRun('Partial success');
  const activeRun = new URL(page.url()).pathname;
  assert.equal(active.read - active.skipped + inactive.read - inactive.skipped, Number(env('ACCOUNTS')), 'every account is active or inactive');

  say('Rejects: list, record, search, reason, CSV');
  await visible(page.getByRole('heading', { name: `${active.rejected.toLocaleString('en-US')} rejected records` }));
  const reject = page.getByRole('button', { name: /^Record .* as read$/ });
  await reject.first().click();
  await visible(page.locator('pre').getByText('accountid'));
  await look('rejects');
  const id = /^Record (.*) as read$/.exec(await reject.first().getAttribute('aria-label'))[1];
  await page.getByLabel('Search rejects').fill(id);
  await text('1 reject');
  await page.getByLabel('Search rejects').fill('');
  const reason = page.getByRole('group', { name: 'Reasons' }).getByRole('button', { name: /Email$/ });
  await reason.click();
  await visible(page.locator('[aria-label=Reasons] [aria-pressed=true]'));
  await page.getByLabel('Search rejects').fill('no such reject anywhere');
  await text('No reject matches.');
  await page.getByLabel('Search rejects').fill('');
  await reason.click();
  await visible(reject.first());
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download CSV' }).click();
  const lines = readFileSync(await (await downloading).path(), 'utf8').trimEnd().split('\n');
  assert.equal(lines.length, active.rejected + 1, 'a line for every reject, and the names of the columns');
  assert.ok(lines.some((l) => l.includes(id)), `the record ${id} is in the file`);

  say('Only the rejects are read again');
  await button('Retry rejects').click();
  await page.waitForURL((u) => !u.href.includes(activeRun));
  const retried = await finishRun('Partial success');
  assert.deepEqual([retried.read, retried.rejected], [active.rejected, active.rejected], 'what was rejected is read and rejected again');

  say('Many records are gone: the run is held, its deletions are discarded, then released');
  await go('Jobs');
  await page.getByRole('link', { name: 'Company Sync_Contoso' }).click();
  await choose('Records that are gone', 'Flag: their rows are marked as gone');
  await button('Save').click();
  await text('Company Sync_Contoso was saved.');
  const deleted = await fetch(new URL('sandbox/rows', `${sandbox}/`), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ table: 'account', delete: 700, seed: 1 }),
  }).then((r) => r.json());
  await button('Run now').click();
  await finishRun('Held');
  await text(`${deleted.delete} of 1,200 rows would be flagged`);
  await look('run-held');
  await button('Release the run').click();
  await visible(page.getByRole('dialog').getByText(`${deleted.delete} of 1,200 rows would be flagged`));
  await button('Keep it held').click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.activeElement?.textContent === 'Release the run');

  say('The next run waits for the held one, and leads to it');
  await go('Jobs');
  await button('Run Company Sync_Contoso now').click();
  await finishRun('Queued');
  await text(/^Waits for run/);
  await look('run-waits');
  await page.getByRole('link', { name: /^Go to run \d+$/ }).click();
  await finishRun('Held');
  await button('Discard the deletions').click();
  assert.equal((await finishRun('Success')).deleted, 0, 'nothing is flagged');
  await text('The deletions of this run were discarded.');
  await text(/Ada Lovelace decided it on/);
  await look('run-discarded');
  const discarded = page.url();
  await button('Read everything again').click();
  await page.waitForURL((u) => u.href !== discarded);
  await finishRun('Held');
  await button('Release the run').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Release the run' }).click();
  assert.equal((await finishRun('Success')).deleted, deleted.delete, 'rows flagged');
  await text('This run was held, and released.');
  await go('Objects');
  await page.getByRole('link', { name: 'Company', exact: true }).click();
  await choose('Records', 'Whose records are gone');
  await text(`1–50 of ${deleted.delete} rows`);
  await visible(page.getByRole('columnheader', { name: 'Gone since' }));
  await look('object-gone');
  await page.getByRole('button', { name: /^Open / }).first().click();
  await text('The record of this row is gone.');
  await visible(page.getByRole('dialog').getByRole('link', { name: /^run #/ }));
  await look('row-gone');
  await page.keyboard.press('Escape');
  await choose('Records', 'Whose records are there');
  await text(`1–50 of ${1200 - deleted.delete} rows`);

  say('A connection that signs in as an application');
  await go('Connections');
  await button('Create connection').click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Robot');
  await page.getByRole('textbox', { name: 'Environment URL' }).fill(sandbox);
  await page.getByRole('radio', { name: 'An application with a certificate' }).click();
  await text('Making a certificate');
  await look('create-certificate');
  await page.getByRole('radio', { name: 'An application with a secret' }).click();
  await text('New app user');
  assert.equal(await page.getByLabel('Redirect address').count(), 0, 'an application comes back to no address');
  await page.getByRole('textbox', { name: 'Client ID' }).fill(env('CLIENT_ID'));
  await page.locator('input[type=password]').fill('not the secret');
  await button('Create and authorize').click();
  await text('Robot was created, but it is not authorized yet.');
  await visible(page.locator('.mantine-InputWrapper-error').getByText('The client secret is wrong.'));
  await look('application-refused');
  await page.locator('input[type=password]').fill(env('CLIENT_SECRET'));
  await page.getByLabel('Secret expires on').fill(new Date(Date.now() + 10.5 * 86_400_000).toISOString().slice(0, 10));
  await button('Save and authorize').click();
  await text('Robot is authorized.');
  await visible(row(/Robot/).getByText('Application, by secret'));
  await visible(row(/Robot/).getByText(/Client secret expires in (9|10) days/));
  await look('application');

  say('A link that somebody made up says nothing of its own');
  const robot = new URL(page.url()).searchParams.get('connection');
  await page.goto(`${base}/connections?connection=${robot}&failed=1&error=Call+555-0100&hint=Ask+for+Eve`);
  await visible(row(/Robot/));
  assert.equal(await page.getByText(/555-0100|Eve|not authorized/).count(), 0, 'what the link says is shown');

  say('Editing a connection: a name, a field that is wrong, a certificate in place of the secret');
  await act('Robot', 'Edit');
  await page.getByRole('textbox', { name: 'Name' }).fill('');
  await page.getByRole('textbox', { name: 'Client ID' }).fill('not an id');
  await button('Save and authorize').click();
  await visible(page.locator('.mantine-InputWrapper-error').getByText('Enter a name.'));
  await visible(page.locator('.mantine-InputWrapper-error').getByText('is not an application id.'));
  await page.getByRole('textbox', { name: 'Name' }).fill('Robot EU');
  await page.getByRole('textbox', { name: 'Client ID' }).fill(env('CLIENT_ID'));
  await page.getByRole('radio', { name: 'An application with a certificate' }).click();
  await text('Saving ends the present authorization.');
  await page.locator('input[type=file]').setInputFiles(env('CERTIFICATE'));
  await text('Certificate and private key are here.');
  await look('edit-connection');
  await button('Save and authorize').click();
  await text('Robot EU is authorized.');
  await visible(row(/Robot EU/).getByText('Application, by certificate'));
  await button('Details of Robot EU').click();
  await text('CN=Crosswalk sandbox application');
  await look('details');
  await page.keyboard.press('Escape');

  say('Metadata, admin consent, revoking and deleting');
  await act('Robot EU', 'Refresh metadata');
  await text('Metadata refreshed.');
  await act('Contoso', 'Admin consent link');
  const consent = new URL(await page.getByRole('textbox', { name: 'Link for an administrator' }).inputValue());
  assert.equal(consent.origin, new URL(sandbox).origin, 'where an administrator consents');
  await look('admin-consent');
  await page.goto(consent.href);
  await signIn('accept');
  await text('An administrator has approved the app of Contoso.');
  await act('Robot EU', 'Revoke');
  await look('revoke');
  await button('Revoke').click();
  await visible(row(/Robot EU/).getByText('Revoked', { exact: true }));
  await page.getByText('Robot EU is authorized.').waitFor({ state: 'hidden' });
  await row(/Robot EU/).getByRole('button', { name: 'Re-authorize' }).click();
  await text('Robot EU is authorized.');
  await act('Robot EU', 'Delete');
  await visible(page.getByRole('dialog').getByText('User Sync_Robot EU'));
  await button('Delete').click();
  await text('Robot EU was deleted.');
  await row(/Robot EU/).waitFor({ state: 'hidden' });

  say('Two people change a job');
  await go('Jobs');
  await page.getByRole('link', { name: 'Company Sync_Contoso' }).click();
  const limit = (p) => p.getByLabel('Fail above this many rejects');
  await limit(page).fill('9');
  const other = await context.newPage();
  await other.goto(page.url());
  await limit(other).fill('7');
  await other.getByRole('button', { name: 'Save', exact: true }).click();
  await visible(other.getByText('Company Sync_Contoso was saved.'));
  await other.close();
  await button('Save').click();
  await text(/Somebody else has changed the job/);
  assert.equal(await limit(page).inputValue(), '9', 'what was typed stays');
  await look('job-conflict');
  await button('Load it and drop my changes').click();
  await page.waitForFunction((id) => document.getElementById(id)?.value === '7', 'job-reject-limit-count');

  say('More ways to run, with the keyboard alone');
  await button('Other ways to run').focus();
  await page.keyboard.press('Enter');
  await visible(page.getByRole('menuitem', { name: 'Read everything again' }));
  for (const item of ['Read everything again', 'Run for a date range…']) {
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction((text) => document.activeElement?.textContent === text, item);
  }
  await page.keyboard.press('Enter');
  await visible(page.getByRole('dialog').getByText('Run Company Sync_Contoso for a date range'));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Other ways to run');

  say('Activity');
  await go('Activity');
  await visible(page.getByRole('row', { name: /User Sync_Contoso/ }));
  await look('activity');
  await page.getByRole('tab', { name: 'Events' }).click();
  await visible(page.getByRole('row', { name: /Run held/ }));
  await visible(page.getByRole('row', { name: /Deletions discarded/ }).getByRole('link', { name: /^run #/ }));
  await look('events');

  say('A server that does not answer');
  await go('Objects');
  await visible(page.locator('[data-rows="Company"]'));
  await context.setOffline(true);
  await page.waitForTimeout(2_100); // until what is shown counts as old
  await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')));
  await text('Crosswalk does not answer');
  assert.equal(number(await page.locator('[data-rows="Company"]').innerText()), Number(env('ACCOUNTS')), 'rows stay while the server is away');
  await look('unreachable');
  await context.setOffline(false);
  await page.getByText('Crosswalk does not answer').waitFor({ state: 'hidden' });

  say('A page that does not exist, signing out and in again');
  await page.goto(`${base}/nowhere`);
  await text('There is no such page.');
  await look('missing');
  await page.goto(`${base}/jobs`);
  await page.getByRole('button', { name: /Account menu/ }).click();
  await page.getByText('Dark', { exact: true }).click();
  assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark', 'the chosen scheme');
  await page.reload();
  await heading('Jobs');
  assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark', 'the chosen scheme after a reload');
  await page.getByRole('button', { name: /Account menu/ }).click();
  await page.getByText('System', { exact: true }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await heading('Sign in');
  await page.goto(`${base}/runs`);
  await heading('Sign in');
  await page.getByLabel('E-mail').fill(person.email);
  await page.locator('input[autocomplete=current-password]').fill('not this password');
  await button('Sign in').click();
  await visible(page.getByRole('alert'));
  await look('login');
  await page.locator('input[autocomplete=current-password]').fill(person.password);
  await button('Sign in').click();
  await heading('Activity');
}

try {
  await walk();
  assert.deepEqual(faults, [], 'faults of the console');
  say('done');
} catch (err) {
  await page.screenshot({ path: path.join(shots, 'failure.png') }).catch(() => undefined);
  console.log(`at ${page.url()}`);
  console.log(err instanceof Error ? (err.stack ?? err.message) : String(err));
  if (faults.length > 0) console.log(`faults:\n${faults.join('\n')}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
