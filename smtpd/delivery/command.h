// Delivers a message to a command, and tells how the command took it.
//
// The command is run as this process's user, with the message on its standard input: a From_ line,
// Return-Path:, X-Original-To: and Delivered-To:, then the message with LF line ends. It has a
// small environment of its own, and `command_time_limit`. Exit statuses mean what sysexits(3) says:
// 0 delivered, 75 later, others a bounce with what the command wrote as the reason.
//
// LIMITS  command_output_bytes_max of its output are kept
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "store/mailbox/delivery.h"

namespace pennypost::smtp {

inline constexpr std::size_t command_output_bytes_max = 4096;

struct CommandRun {
  std::string command;
  std::string directory;
  bool is_directory_required = false;  // else / does where there is none
  std::vector<std::pair<std::string, std::string>> environment;
  std::string head;  // what goes before the message
  std::chrono::seconds time_limit{1000};
};

/// Blocks until the command has ended.
store::DeliveryOutcome run_command(const CommandRun& run, const store::Pieces& message);

/// What an exit status means: enhanced status code, whether to try again, and words.
store::DeliveryOutcome outcome_of_exit(int exit_status, const std::string& command,
                                       const std::string& output);

}  // namespace pennypost::smtp
