// Remembers which process writes which unfinished body, so that no other can drop or submit it.
//
// An id can be guessed: it is made of the time and a process's number. So the file of a body
// belongs, until its message is submitted, to the process for which it was opened; when that
// process goes, so do its files.
//
// LIMITS  open_bodies_max for each process: more than it can have sessions
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "common/process/port.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t open_bodies_max = 1'000'000;  // smtpd_connections_max goes as far

class OpenBodies {
 public:
  /// Errors: 452 (too many), 501 (this one is open already).
  Result<void> open(const QueueId& id, ProcessNumber process);
  bool is_open(const QueueId& id) const { return owners_.contains(id.value()); }
  bool is_of(const QueueId& id, ProcessNumber process) const;
  /// It is open no more. False where it was not this process's.
  bool close(const QueueId& id, ProcessNumber process);
  /// All that the process has; none is open any more.
  std::vector<QueueId> close_all_of(ProcessNumber process);

 private:
  std::unordered_map<std::string, ProcessNumber> owners_;  // by queue id
  std::unordered_map<ProcessNumber, std::size_t> counts_;
};

}  // namespace pennypost::smtp
