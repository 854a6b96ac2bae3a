type Cleanup = void | (() => unknown);
export function useState<S>(initial: S | (() => S)): [S, (next: S | ((now: S) => S)) => void];
export function useRef<T>(initial: T): { current: T };
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
export function useEffect(effect: () => Cleanup, inputs?: readonly unknown[]): void;
export function useLayoutEffect(effect: () => Cleanup, inputs?: readonly unknown[]): void;
export function useId(): string;
