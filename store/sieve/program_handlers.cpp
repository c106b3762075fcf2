// Handlers of pipe, filter and execute, which use programs of the admin's.
//
// filter and execute run their program at once: the rest of the script depends on it. pipe is an
// action like fileinto. As tests, filter and execute are false if the program can't be run; as
// commands that is a failure of the script, while a program that ends with another status than 0
// has only nothing to say.
//
// LIMITS     programs_max, program_arguments_max, program_argument_bytes_max
// STANDARDS  Pigeonhole's vnd.dovecot.pipe, vnd.dovecot.filter and vnd.dovecot.execute
// SEE ALSO   environment.h (who runs them), program_name.h
#include "common/base/text.h"
#include "common/mail/binary_parts.h"
#include "store/sieve/handlers.h"
#include "store/sieve/own_message.h"
#include "store/sieve/program_name.h"
#include "store/sieve/run.h"

namespace pennypost::store::sieve {
namespace {

Result<std::vector<std::string>> arguments_of(Run& run, const Command& command) {
  std::vector<std::string> arguments;
  for (const auto& string : command.arguments[1].strings) {
    auto text = run.text(string);
    auto trouble = program_argument_trouble(text);
    if (!trouble.empty()) return Error::permanent(trouble);
    arguments.push_back(std::move(text));
  }
  return arguments;
}

/// Error: a limit.
Result<ProgramAnswer> answer_of(Run& run, const Command& command, ProgramCall::Kind kind,
                                std::string_view input) {
  TRY_DO(run.note_program());
  ProgramCall call;
  call.kind = kind;
  call.name = run.text(command.arguments[0]);
  TRY(call.arguments, arguments_of(run, command));
  call.input = input;
  TRY_DO(run.spend(1 + input.size() / 16'384));
  return run.environment().run_program(call);
}

/// The message as the program has written it, if that is one, takes the place of this one.
Result<ProgramAnswer> filtered(Run& run, const Command& command) {
  auto before = run.message().written();
  TRY(auto answer, answer_of(run, command, ProgramCall::Kind::Filter, before));
  if (!answer.failure.empty() || answer.exit_status != 0) return answer;
  if (answer.output.empty()) {
    answer.failure = "the program " + run.text(command.arguments[0]) + " has written no message";
    return answer;
  }
  auto text = with_lf(answer.output);
  bool is_crlf = run.message().line_end() != "\n";
  run.message().replace_all(is_crlf ? with_crlf(text) : std::move(text), false);
  return answer;
}

Result<ProgramAnswer> executed(Run& run, const Command& command) {
  std::string input = run.text_after(command, Tag::Input);
  if (command.has(Tag::Pipe)) input = run.message().written();
  TRY(auto answer, answer_of(run, command, ProgramCall::Kind::Execute, input));
  const auto* output = command.find(Tag::Output);
  if (output != nullptr && answer.failure.empty() && answer.exit_status == 0) {
    TRY_DO(run.set_variable(output->strings[0].text, answer.output));
  }
  return answer;
}

Result<void> as_command(const Result<ProgramAnswer>& answer) {
  if (!answer) return answer.error();
  return answer->failure.empty() ? Result<void>() : Error::permanent(answer->failure);
}

Result<bool> as_test(const Result<ProgramAnswer>& answer) {
  if (!answer) return answer.error();
  return answer->failure.empty() && answer->exit_status == 0;
}

}  // namespace

Result<void> filter(Run& run, const Command& command) { return as_command(filtered(run, command)); }
Result<bool> is_filtered(Run& run, const Command& test) { return as_test(filtered(run, test)); }

Result<void> execute(Run& run, const Command& command) {
  return as_command(executed(run, command));
}
Result<bool> is_executed(Run& run, const Command& test) { return as_test(executed(run, test)); }

Result<void> pipe(Run& run, const Command& command) {
  Pipe pipe;
  pipe.program = run.text(command.arguments[0]);
  TRY(pipe.arguments, arguments_of(run, command));
  pipe.form = run.message().form();
  pipe.may_fail = command.has(Tag::Try);
  pipe.cancels_keep = !command.has(Tag::Copy);
  return run.add(std::move(pipe));
}

}  // namespace pennypost::store::sieve
