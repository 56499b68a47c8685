/** What console counts: changes of the configuration that came into force. */
import { counter } from '@tributary/runtime';

export const writes = counter({
  name: 'tributary_console_writes_total',
  help: 'Changes written and read back as counting, by entity type.',
  labels: ['entity_type'],
});
