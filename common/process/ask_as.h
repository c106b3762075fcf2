// Answers a question with the rights of another user: whether a file can be read, for instance.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/process/privileges.h"

namespace pennypost {

/// What `question` answers in a process of that user and of its groups alone; in this process where
/// there is no identity. Only root may ask as another. For programs of one thread. Where no process
/// can be had, the answer says why.
std::vector<std::string> ask_as(const std::optional<Identity>& identity,
                                const std::function<std::vector<std::string>()>& question);

/// The first directory of `path` that this process may not search, or `path` itself where it may
/// not be read; empty where nothing hinders.
std::string unreadable_part(const std::string& path);

}  // namespace pennypost
