// The browser gets the package's own file from here: it knows addresses, not names of packages.
export { default } from 'uplot';
