import { Alert, type AlertProps } from '@mantine/core';

// Note is a message on a page, tinted by what it means.
export function Note({ tone, className = '', ...props }: { tone: 'good' | 'warn' | 'bad' | 'idle' } & Omit<AlertProps, 'color' | 'variant'> & { role?: string }) {
  return <Alert {...props} className={`cw-note ${className}`} data-tone={tone} />;
}
