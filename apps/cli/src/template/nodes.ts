/** The tree of a Go template. `at`: offset in the source, for messages. */
export type Statement =
  | { kind: "text"; text: string }
  | { kind: "action"; pipe: Pipe }
  | { kind: "if" | "with"; at: number; pipe: Pipe; body: Statement[]; otherwise: Statement[] }
  | { kind: "range"; at: number; pipe: Pipe; body: Statement[]; otherwise: Statement[] }
  | { kind: "break" | "continue"; at: number }
  | { kind: "template"; at: number; name: string; pipe: Pipe | undefined };

export interface Pipe {
  kind: "pipe";
  at: number;
  /** `$a := …`, `$a = …`, and in range `$i, $e := …`. */
  variables: string[];
  assign: boolean;
  commands: Command[];
}

export interface Command {
  at: number;
  operands: Operand[];
}

export type Operand =
  | { kind: "dot"; at: number }
  | { kind: "nil"; at: number }
  | { kind: "field"; at: number; names: string[] }
  | { kind: "variable"; at: number; name: string; names: string[] }
  | { kind: "chain"; at: number; of: Operand; names: string[] }
  | { kind: "function"; at: number; name: string }
  | { kind: "literal"; at: number; value: string | number | bigint | boolean; text: string }
  | Pipe;

export interface Template {
  source: string;
  body: Statement[];
  /** `{{define}}` and `{{block}}`. */
  named: Map<string, Statement[]>;
}

/** As Go prints a node in its messages. */
export function show(node: Operand | Pipe): string {
  switch (node.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "field":
      return node.names.map((name) => `.${name}`).join("");
    case "variable":
      return [node.name, ...node.names].join(".");
    case "chain": {
      const inner = show(node.of);
      return `${node.of.kind === "pipe" ? `(${inner})` : inner}${node.names.map((name) => `.${name}`).join("")}`;
    }
    case "function":
      return node.name;
    case "literal":
      return node.text;
    case "pipe": {
      const commands = node.commands.map(showCommand).join(" | ");
      if (node.variables.length === 0) return commands;
      return `${node.variables.join(", ")} ${node.assign ? "=" : ":="} ${commands}`;
    }
  }
}

export function showCommand(command: Command): string {
  return command.operands
    .map((operand) => (operand.kind === "pipe" ? `(${show(operand)})` : show(operand)))
    .join(" ");
}

export function showNode(node: Operand | Command): string {
  return "kind" in node ? show(node) : showCommand(node);
}
