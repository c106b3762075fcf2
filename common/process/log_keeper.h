// Writes the waiting log lines of this process as soon as possible.
//
// Lines wait (../log/kept_lines.h) while syslogd is away or slow, or the log's disk is full. A
// process in a chroot has no /dev/log to reconnect to, so it asks its master for a connection.
#pragma once

#include <functional>
#include <optional>

#include "common/async/nursery.h"
#include "common/base/descriptor.h"

namespace pennypost {

class LogKeeper {
 public:
  /// `ask` returns a new connection to syslogd, or nothing; empty if this process can connect
  /// itself.
  using Ask = std::function<Task<std::optional<Descriptor>>()>;
  LogKeeper(Loop& loop, Ask ask) : loop_(loop), ask_(std::move(ask)), tasks_(loop) {}

  /// To be called at the end of each turn of the loop; costs nothing if no line waits.
  void look();
  void cancel() { tasks_.cancel(); }

 private:
  Task<> write_all();
  Loop& loop_;
  Ask ask_;
  bool is_at_it_ = false;
  Nursery tasks_;
};

}  // namespace pennypost
