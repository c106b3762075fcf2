// RunningProgram: another program that this process has started, fed and read by pipes until it
// ends or its time is up.
//
// It runs as this process's user, without a shell, in a process group of its own, with the
// environment that is given and no other. Whoever destroys it before its end kills the group.
//
// What it writes is read while it is fed, so that neither waits for the other. Blocks: use offload.
//
// LIMITS     output_bytes_max, error_bytes_max: what is beyond them is read and dropped
// SEE ALSO   seccomp.h (Calls::RunPrograms)
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"

namespace pennypost {

/// PATH of every program that is run for users.
inline constexpr std::string_view program_path = "/usr/local/bin:/usr/bin:/bin";

/// Makes text safe for a program's environment: a sender chooses much of it, and a script may pass
/// it to a shell. The allowed characters are those of Postfix's command_expansion_filter; `_` takes
/// the place of others.
std::string harmless_text(std::string text);

struct ProgramStart {
  std::vector<std::string> words;  // the path of the program, and its arguments
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory;
  bool is_directory_required = false;  // otherwise / is used if there is none
  std::size_t output_bytes_max = 4096;
  std::size_t error_bytes_max = 4096;
  bool joins_errors = false;  // standard error is part of the output
  /// Once another thread has set it, the program is killed, as at a deadline; null: never.
  const std::atomic<bool>* is_given_up = nullptr;
};

/// How a program has ended.
struct ProgramEnd {
  int exit_status = 0;
  std::string output;
  bool is_output_cut = false;
  std::string errors;
};

class RunningProgram {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit RunningProgram(const ProgramStart& start);
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram();

  /// False: errno says why not. A program that can't be executed ends with status 75, and what it
  /// writes says why.
  bool is_started() const { return pid_ > 0; }

  /// Writes to its input. False at the deadline. A program may close its input early; then the rest
  /// is dropped.
  bool feed(std::string_view bytes, Deadline deadline);
  /// Closes its input and waits until it ends: the status as of waitpid(). Nothing at the deadline.
  std::optional<int> finish(Deadline deadline);

  /// What it has written to standard output.
  const std::string& output() const { return output_.text; }
  bool is_output_cut() const { return output_.is_cut; }
  const std::string& errors() const { return errors_.text; }

 private:
  struct Heard {
    Descriptor from;
    std::size_t bytes_max = 0;
    std::string text;
    bool is_cut = false;

    void read_some();
  };
  bool is_over(Deadline deadline) const;
  bool wait(bool wants_to_write, Deadline deadline);

  pid_t pid_ = -1;
  const std::atomic<bool>* is_given_up_;
  Descriptor to_;
  Heard output_;
  Heard errors_;
};

/// Gives a program its whole input and waits for its end. Error (temporary), in words that follow
/// the program's name: it can't be started, took longer than `limit`, was given up, or died of a
/// signal.
/// `setting`: that of the limit, to be named.
Result<ProgramEnd> run_program(const ProgramStart& start, std::string_view input,
                               std::chrono::seconds limit, std::string_view setting = "");

}  // namespace pennypost
