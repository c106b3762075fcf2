#include "store/filtering/host_programs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/process/running_program.h"

namespace pennypost::store {
namespace {

constexpr std::size_t words_bytes_max = 300;  // of what a program says, for the log

const std::string& directory_for(const Config& config, sieve::ProgramCall::Kind kind) {
  switch (kind) {
    case sieve::ProgramCall::Kind::Pipe:
      return config.sieve_pipe_bin_dir;
    case sieve::ProgramCall::Kind::Filter:
      return config.sieve_filter_bin_dir;
    default:
      return config.sieve_execute_bin_dir;
  }
}

sieve::ProgramAnswer failed(const std::string& why) { return {why, 0, ""}; }

ProgramStart start_of(const Config& config, const AccountRef& account, const Delivery& delivery,
                      const sieve::ProgramCall& call, std::string path) {
  ProgramStart start;
  start.words = {std::move(path)};
  start.words.insert(start.words.end(), call.arguments.begin(), call.arguments.end());
  const auto& original =
      delivery.original_to.empty() ? delivery.delivered_to : delivery.original_to;
  start.environment = {{"PATH", std::string(program_path)},
                       {"USER", account.name},
                       {"HOME", account.home},
                       {"HOST", config.myhostname},
                       {"SENDER", harmless_text(delivery.return_path)},
                       {"RECIPIENT", harmless_text(delivery.delivered_to)},
                       {"ORIG_RECIPIENT", harmless_text(original)}};
  start.directory = account.home.empty() ? "/" : account.home;
  start.output_bytes_max = call.kind == sieve::ProgramCall::Kind::Filter ? filter_output_bytes_max
                                                                         : execute_output_bytes_max;
  return start;
}

}  // namespace

sieve::ProgramAnswer run_host_program(const Config& config, const AccountRef& account,
                                      const Delivery& delivery, const sieve::ProgramCall& call) {
  const auto& directory = directory_for(config, call.kind);
  std::string program = "the program \"" + printable(call.name, 100) + "\"";
  auto path = directory + "/" + call.name;
  struct stat status = {};
  bool is_there = !directory.empty() && ::stat(path.c_str(), &status) == 0;
  if (!is_there || !S_ISREG(status.st_mode) || ::access(path.c_str(), X_OK) != 0) {
    return failed(program + " is not there, or can't be run");
  }
  auto limit = std::chrono::ceil<std::chrono::seconds>(config.sieve_program_exec_timeout);
  auto end = run_program(start_of(config, account, delivery, call, std::move(path)), call.input,
                         limit, "sieve_program_exec_timeout");
  if (!end) return failed(program + " " + end.error().text());
  if (call.kind == sieve::ProgramCall::Kind::Filter && end->is_output_cut) {
    return failed(program + " wrote more than " + std::to_string(filter_output_bytes_max) +
                  " octets");
  }
  sieve::ProgramAnswer answer;
  answer.exit_status = end->exit_status;
  answer.output = std::move(end->output);
  answer.errors = printable(trim(end->errors), words_bytes_max);
  return answer;
}

Result<void> give_to_program(const sieve::Environment& environment, const sieve::Pipe& pipe,
                             std::string_view text) {
  sieve::ProgramCall call;
  call.kind = sieve::ProgramCall::Kind::Pipe;
  call.name = pipe.program;
  call.arguments = pipe.arguments;
  call.input = text;
  auto answer = environment.run_program(call);
  if (!answer.failure.empty()) return Error::permanent(answer.failure);
  if (answer.exit_status == 0) return {};
  auto said = answer.errors.empty() ? "" : ": " + answer.errors;
  return Error::permanent("the program \"" + pipe.program + "\" ended with status " +
                          std::to_string(answer.exit_status) + said);
}

}  // namespace pennypost::store
