// Records which process is writing which body file, so that no other process can drop or submit it.
//
// A queue id can be guessed, since it consists of the time and a process's number. So until its
// message is submitted, a body file belongs to the process for which it was opened; when that
// process ends, its files are removed.
//
// LIMITS  open_bodies_max for each process: more than it can have sessions
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "common/process/port.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t open_bodies_max = 1'000'000;  // smtpd_connections_max at its largest

class OpenBodies {
 public:
  /// Errors: 452 (too many), 501 (this one is open already).
  Result<void> open(const QueueId& id, ProcessNumber process);
  bool is_open(const QueueId& id) const { return owners_.contains(id.value()); }
  bool is_of(const QueueId& id, ProcessNumber process) const;
  /// Ends the entry. False if it was not this process's.
  bool close(const QueueId& id, ProcessNumber process);
  /// Ends and returns all entries of the process.
  std::vector<QueueId> close_all_of(ProcessNumber process);

 private:
  std::unordered_map<std::string, ProcessNumber> owners_;  // by queue id
  std::unordered_map<ProcessNumber, std::size_t> counts_;
};

}  // namespace pennypost::smtp
