// Delivers a message to a command and interprets its exit status.
//
// The command runs as this process's user, by a shell or directly, with the message on its standard
// input: the lines of `head`, then the message with LF line ends, unless others are asked for. It
// gets a small environment and a time to finish. Exit statuses have the meaning of sysexits(3): 0
// is delivered, 75 is retried later, others bounce with the command's output as the reason. If the
// output of a command that failed begins with a status code, 4.x.x or 5.x.x, that decides instead.
//
// LIMITS  command_output_bytes_max of its output are kept
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/mailbox/delivery.h"

namespace pennypost::smtp {

inline constexpr std::size_t command_output_bytes_max = 4096;

struct CommandRun {
  std::string command;                 // for /bin/sh -c, and to show
  std::vector<std::string> arguments;  // if there are any, the first is started without a shell
  std::string directory;
  bool is_directory_required = false;  // otherwise / is used if there is none
  std::vector<std::pair<std::string, std::string>> environment;
  std::string head;  // the lines before the message
  std::string tail;  // what follows the message, whose last line is then ended
  std::string line_end = "\n";
  /// Lines of the message that begin so, and what is put before them.
  std::vector<std::pair<std::string, std::string>> quoted_beginnings;
  std::string success;  // the reason if it is delivered; empty: the command's name
  std::chrono::seconds time_limit{1000};
};

/// Blocks until the command has ended or its time is up.
store::DeliveryOutcome run_command(const CommandRun& run, const store::Pieces& message);

/// The outcome of an exit status: delivered, retry or bounce, with status code and reason.
store::DeliveryOutcome outcome_of_exit(int exit_status, const std::string& command,
                                       const std::string& output);

}  // namespace pennypost::smtp
