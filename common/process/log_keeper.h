// Writes the log lines that wait in this process as soon as they can be written.
//
// Lines wait (../log/kept_lines.h) while syslogd is away or slow, or the log's disk is full. A
// process in a changed root finds no /dev/log to connect to again: it asks its master for a
// connection.
#pragma once

#include <functional>
#include <optional>

#include "common/async/nursery.h"
#include "common/base/descriptor.h"

namespace pennypost {

class LogKeeper {
 public:
  /// `ask` brings a fresh connection to syslogd, or nothing; empty: this process needs to ask
  /// nobody.
  using Ask = std::function<Task<std::optional<Descriptor>>()>;
  LogKeeper(Loop& loop, Ask ask) : loop_(loop), ask_(std::move(ask)), tasks_(loop) {}

  /// For the end of each turn of the loop: costs nothing where no line waits.
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
