import { Button, FileButton, Group, Input, Text, Textarea } from '@mantine/core';
import { IconCircleCheck, IconFileUpload } from '@tabler/icons-react';
import { useState } from 'react';
import { isWhole, missing, readPem } from '../lib/pem';
import { plural } from '../lib/format';

// PemField takes a certificate and its private key, pasted, dropped or from
// one or two files. Once both are there the text is hidden.
export function PemField({ label, description, value, error, onChange }: {
  label: string;
  description: string;
  value: string;
  error: string | undefined;
  onChange: (pem: string) => void;
}) {
  const [wrongFile, setWrongFile] = useState('');
  const found = readPem(value);

  const add = async (files: File[]) => {
    setWrongFile('');
    const texts: string[] = [];
    for (const f of files) {
      // A file of certificates is small; anything large is something else.
      const text = f.size <= 1 << 20 ? await f.text() : '';
      const p = readPem(text);
      if (p.certificates + p.keys === 0) {
        setWrongFile(`${f.name} is not a PEM file. From a .pfx file: openssl pkcs12 -in app.pfx -nodes -out app.pem`);
        return;
      }
      texts.push(text.trim());
    }
    onChange([...(value.trim() ? [value.trim()] : []), ...texts].join('\n') + '\n');
  };

  if (isWhole(found)) {
    return (
      <Input.Wrapper label={label} labelElement="div" required description={description} error={error} inputWrapperOrder={['label', 'description', 'input', 'error']}>
        <Group className="cw-held" justify="space-between" wrap="nowrap" mt={5} mb={error ? 5 : 0}>
          <Group gap={8} wrap="nowrap">
            <IconCircleCheck size={18} color="var(--cw-good)" aria-hidden="true" />
            <Text fz="sm">{found.certificates > 1 ? plural(found.certificates, 'certificate') : 'Certificate'} and private key are here.</Text>
          </Group>
          <Button variant="subtle" size="compact-sm" onClick={() => onChange('')}>
            Remove
          </Button>
        </Group>
      </Input.Wrapper>
    );
  }
  return (
    <div>
      <Textarea
        label={label}
        required
        description={description}
        placeholder={'-----BEGIN CERTIFICATE-----\n…\n-----BEGIN PRIVATE KEY-----'}
        classNames={{ input: 'cw-mono' }}
        autosize
        minRows={3}
        maxRows={6}
        spellCheck={false}
        autoComplete="off"
        value={value}
        error={error}
        onChange={(e) => {
          setWrongFile('');
          onChange(e.currentTarget.value);
        }}
        onDragOver={(e) => e.preventDefault()}
        onDrop={(e) => {
          if (e.dataTransfer.files.length === 0) return;
          e.preventDefault();
          void add([...e.dataTransfer.files]);
        }}
      />
      <Group gap={10} mt={6} wrap="nowrap" align="flex-start">
        <FileButton onChange={(files) => void add(files)} accept=".pem,.crt,.cer,.key,text/plain" multiple>
          {(props) => (
            <Button {...props} variant="default" size="compact-sm" leftSection={<IconFileUpload size={15} />} style={{ flex: 'none' }}>
              Choose files
            </Button>
          )}
        </FileButton>
        <Text fz="xs" c={wrongFile ? 'var(--mantine-color-error)' : 'dimmed'} pt={4} aria-live="polite">
          {wrongFile || missing(value)}
        </Text>
      </Group>
    </div>
  );
}
