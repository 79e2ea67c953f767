/** What the operator typed or chose in the field that an event came from. */
export const typed = ({ target }: Event): string => (target as HTMLInputElement | HTMLSelectElement).value;
