export interface VNode {
  type: unknown;
  props: object;
  key: unknown;
}
export type Child = VNode | string | number | boolean | null | undefined | Child[];
export function h(type: unknown, props: object | null, ...children: unknown[]): VNode;
export function render(node: Child, parent: Element): void;
