// Delivers a message to a command and interprets its exit status.
//
// The command runs as this process's user, with the message on its standard input: a From_ line,
// Return-Path:, X-Original-To: and Delivered-To:, then the message with LF line ends. It gets a
// small environment and has `command_time_limit` to finish. Exit statuses have the meaning of
// sysexits(3): 0 is delivered, 75 is retried later, others bounce with the command's output as the
// reason.
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
  bool is_directory_required = false;  // otherwise / is used if there is none
  std::vector<std::pair<std::string, std::string>> environment;
  std::string head;  // the lines before the message
  std::chrono::seconds time_limit{1000};
};

/// Blocks until the command has ended or its time is up.
store::DeliveryOutcome run_command(const CommandRun& run, const store::Pieces& message);

/// The outcome of an exit status: delivered, retry or bounce, with status code and reason.
store::DeliveryOutcome outcome_of_exit(int exit_status, const std::string& command,
                                       const std::string& output);

}  // namespace pennypost::smtp
