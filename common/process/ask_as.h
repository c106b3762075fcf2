// Runs a function with the rights of another user, for instance to check whether that user can read
// a file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/privileges.h"

namespace pennypost {

/// The result of `question` in a new process with only that user and its groups; in this process if
/// there is no identity. Only root can do this. For single-threaded programs. If no process can be
/// made, the result says why.
std::vector<std::string> ask_as(const std::optional<Identity>& identity,
                                const std::function<std::vector<std::string>()>& question);

/// The result of `question` in a new process, for what this one must not do itself: open a
/// database, whose library makes threads. For single-threaded programs. Error: that of `question`,
/// or no process can be made.
Result<std::vector<std::string>> ask_apart(
    const std::function<Result<std::vector<std::string>>()>& question);

/// Says a line, without its line end, to whoever asked for the work.
using Tell = std::function<void(const std::string& line)>;
/// Runs `work` in a new process that keeps only these rights; in this one if there are none to
/// change to. `hear` gets each line that `work` tells, as it comes, however many there are. For
/// single-threaded programs. Error: no process can be made, or it has ended early.
Result<void> work_as(const std::optional<Privileges>& keep,
                     const std::function<void(const Tell& tell)>& work, const Tell& hear);

/// The first directory in `path` that this process may not search, or `path` itself if it may not
/// be read; empty if it can be read.
std::string unreadable_part(const std::string& path);

}  // namespace pennypost
