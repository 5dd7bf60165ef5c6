import { notifications } from '@mantine/notifications';
import { IconAlertCircle, IconCheck } from '@tabler/icons-react';
import { asProblem } from '../api/problem';

export function good(title: string, message = '') {
  notifications.show({ title, message, color: 'teal.8', icon: <IconCheck size={18} />, autoClose: 5000, withBorder: true });
}

// bad shows an error that has no place of its own on the page. It stays until
// it is closed.
export function bad(error: unknown) {
  const p = asProblem(error);
  const more = [p.hint, ...p.errors.map((e) => e.message)].filter(Boolean).join(' ');
  notifications.show({
    title: p.message, message: more, color: 'red.8', icon: <IconAlertCircle size={18} />, autoClose: false, withBorder: true,
  });
}
