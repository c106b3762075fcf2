// Delivers a message by a [transport.NAME] of kind pipe: to a command that the admin has chosen.
//
// The command is started directly, by no shell, as this process's user; the master has started this
// process for the user that the section names. The message is its standard input, changed as the
// flags say:
//
//   F  a line `From sender date` first      B  an empty line at the end
//   R  Return-Path: <sender>                .  a dot before lines that begin with a dot
//   O  X-Original-To:                       >  a > before lines that begin with `From `
//   D  Delivered-To:; a message that has it already bounces
//
// With D or O, each recipient gets a run of the command of its own; otherwise all share one. Exit
// statuses are those of sysexits(3), as for a |command; a status code at the beginning of the
// output counts more. A message larger than `size` bounces.
//
// SEE ALSO   pipe_arguments.h, command.h, ../process/deliver.h (who calls it)
#pragma once

#include <vector>

#include "common/config/config.h"
#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// An outcome for each recipient. `body` is the body's file, or -1 if it is inline. Blocks: use
/// offload.
std::vector<Outcome> deliver_by_pipe(const Config& config, const Attempt& attempt, int body);

}  // namespace pennypost::smtp
