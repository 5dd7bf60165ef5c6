import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const crossing: MantineColorsTuple = [
  '#e6f7f9', '#cfecf0', '#9fd8e0', '#6bc3cf', '#43b0be', '#2a9eae', '#178a9b', '#0f7787', '#0b6676', '#075462',
];

// The dark scheme's greys, from text to the darkest ground.
const dark: MantineColorsTuple = [
  '#dbe1e6', '#b3bcc5', '#8f9aa5', '#66727e', '#3b4550', '#2d3640', '#222a32', '#1a2027', '#13181d', '#0e1216',
];

const gray: MantineColorsTuple = [
  '#f6f8f9', '#eef1f3', '#e3e8eb', '#d5dce1', '#c2cbd2', '#9ba7b1', '#76838e', '#56626d', '#38434d', '#1d262e',
];

export const theme = createTheme({
  primaryColor: 'crossing',
  primaryShade: { light: 8, dark: 7 },
  colors: { crossing, dark, gray },
  black: '#17202a',
  fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8438rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  headings: {
    fontWeight: '620',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '10px', xl: '16px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    Table: { defaultProps: { verticalSpacing: 9, horizontalSpacing: 14 } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
    Modal: { defaultProps: { centered: true, radius: 'lg', closeButtonProps: { 'aria-label': 'Close' } } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    Menu: { defaultProps: { shadow: 'md', position: 'bottom-end', withinPortal: true } },
    Select: { defaultProps: { comboboxProps: { shadow: 'md', keepMounted: false } } },
  },
});

// Colours that Mantine's own defaults make too faint to read (WCAG AA asks
// for a contrast of 4.5), and the grounds of the page.
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#55616c',
    '--mantine-color-placeholder': '#66727d',
    '--mantine-color-error': '#b42323',
    '--mantine-color-anchor': '#0b6676',
    '--cw-page': '#f4f7f8',
    '--cw-surface': '#ffffff',
    '--cw-sunken': '#f8fafb',
    '--cw-border': '#dfe5e9',
    '--cw-hover': '#f3f7f8',
    '--cw-active': '#e2f1f3',
    '--cw-active-text': '#075462',
    '--cw-good': '#1d7f42',
    '--cw-warn': '#a05a00',
    '--cw-bad': '#c02b2b',
    '--cw-busy': '#0b6676',
    '--cw-idle': '#66727d',
  },
  dark: {
    '--mantine-color-dimmed': '#9aa6b1',
    '--mantine-color-placeholder': '#8894a0',
    '--mantine-color-error': '#ff8b85',
    '--mantine-color-anchor': '#5cc5d3',
    '--cw-page': '#13181d',
    '--cw-surface': '#1a2027',
    '--cw-sunken': '#161b21',
    '--cw-border': '#2d3640',
    '--cw-hover': '#202831',
    '--cw-active': '#173840',
    '--cw-active-text': '#9fe3ec',
    '--cw-good': '#4cc47c',
    '--cw-warn': '#e8a33d',
    '--cw-bad': '#ff7a73',
    '--cw-busy': '#43b0be',
    '--cw-idle': '#8894a0',
  },
});
