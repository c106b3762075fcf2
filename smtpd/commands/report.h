// `pennypost report`: what a report of a problem needs, without secrets.
//
//   pennypost report [-c DIR]
//
// It shows the version and the system, which daemons run, the settings that differ from their
// defaults, what `pennypost check` says, owners and modes of the configuration's files and of the
// directories that the daemons use, how many messages wait, and the last warnings and errors of the
// log. Passwords, their stored forms, and keys are not shown: texts of inline: tables are left out,
// and whatever stands in a table of passwords or a file of secrets is blanked wherever it occurs.
// Names and addresses of users may be in it; read it before you send it.
//
// LIMITS  report_bytes_max; report_log_lines lines of the log, of the last report_days days
#pragma once

#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::smtp {

inline constexpr std::size_t report_bytes_max = 256 * 1024;
inline constexpr std::size_t report_log_lines = 50;
inline constexpr int report_days = 2;

/// Runs the command with the arguments after its name. A wrong configuration is reported as well.
int report(std::span<const std::string> args, std::ostream& out, std::ostream& err);

/// The text with each of these words blanked; shorter ones than secret_bytes_min are no secrets.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);
inline constexpr std::size_t secret_bytes_min = 4;

/// A setting's value without the texts of inline: tables.
std::string without_inline(std::string_view value);

}  // namespace pennypost::smtp
