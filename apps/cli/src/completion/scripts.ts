/** What a shell is told to do: it asks `PROGRAM __complete -- WORDS…`, whose lines are `word<TAB>about`. */
export type Shell = "bash" | "zsh" | "fish";

export const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

/** The script that makes a shell complete the program's command lines. */
export function completionScript(shell: Shell, program: string): string {
  return SCRIPTS[shell].replaceAll("PROGRAM", program);
}

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of PROGRAM: eval "$(PROGRAM completion bash)"
_PROGRAM_complete() {
  local line words=("\${COMP_WORDS[@]:1:COMP_CWORD}") files=""
  # bash takes "=" and ":" for the ends of words; put them together again.
  local whole="\${COMP_LINE:0:COMP_POINT}"
  local joined=() word
  read -r -a joined <<<"\${whole#* }"
  [[ $whole == *[[:space:]] ]] && joined+=("")
  words=("\${joined[@]}")
  word="\${words[\${#words[@]}-1]}"
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :file) files=-f ;;
      :folder) files=-d ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null)
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen $files -- "$word")
  fi
  # Only what stands behind the last "=" or ":" is replaced.
  local lead="\${word%"\${word##*[=:]}"}"
  if [[ -n $lead && $COMP_WORDBREAKS == *[=:]* ]]; then
    local at
    for at in "\${!COMPREPLY[@]}"; do COMPREPLY[at]="\${COMPREPLY[at]#"$lead"}"; done
  fi
}
complete -F _PROGRAM_complete PROGRAM
`,
  zsh: `#compdef PROGRAM
# zsh completion of PROGRAM: eval "$(PROGRAM completion zsh)"
_PROGRAM() {
  local -a found
  local line files=""
  while IFS= read -r line; do
    case $line in
      :file) files=file ;;
      :folder) files=folder ;;
      *) found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe -V PROGRAM found
  [[ $files == file ]] && _files
  [[ $files == folder ]] && _files -/
  return 0
}
if [[ $funcstack[1] == _PROGRAM ]]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
`,
  fish: `# fish completion of PROGRAM: PROGRAM completion fish | source
function __PROGRAM_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    switch $line
      case ':file'
        __fish_complete_path (commandline -ct)
      case ':folder'
        __fish_complete_directories (commandline -ct)
      case '*'
        printf '%s\\n' $line
    end
  end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`,
};
