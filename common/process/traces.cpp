// Passes the orders of `pennypost trace` on to the processes that talk with clients. Members of
// Master.
//
// An order lasts as long as the command's connection. A process that is started meanwhile, such as
// the worker of a user who logs in, is told of it as well.
//
// SEE ALSO  control.h (the messages), ../net/trace.h (what the processes do)
#include <fcntl.h>

#include <algorithm>

#include "common/log/log.h"
#include "common/process/master.h"
#include "common/process/master_process.h"

namespace pennypost {

void Master::serve_traces() {
  command_services_.on<control::Trace>(
      [this](control::Trace order, std::vector<Descriptor> watcher, ProcessNumber from) {
        return begin_trace(std::move(order), std::move(watcher), from);
      });
}

Task<Result<Done>> Master::begin_trace(control::Trace order, std::vector<Descriptor> watcher,
                                       ProcessNumber from) {
  if (watcher.size() != 1) co_return Error::permanent("a trace comes with one descriptor");
  if (order.client.empty() && order.user.empty()) {
    co_return Error::permanent("a trace is of a client or of a user");
  }
  if (watching_.size() == TraceDesk::orders_max) {
    co_return Error::temporary("there are " + std::to_string(TraceDesk::orders_max) +
                               " traces under way; end one of them first");
  }
  const std::string whose = order.user.empty() ? "client " + order.client : "user " + order.user;
  watching_.push_back(
      {from, std::move(order.client), std::move(order.user), std::move(watcher.front())});
  for (const auto& process : processes_) {
    if (!process.is_candidate) tell_trace(process, watching_.back());
  }
  log_info("master", "dialogues of " + whose + " are being watched");
  co_return Done();
}

void Master::end_trace(ProcessNumber owner) {
  auto ended = std::erase_if(watching_, [&](const Watching& one) { return one.owner == owner; });
  if (ended == 0) return;
  control::EndTrace message;
  message.number = owner.value();
  for (const auto& process : processes_) {
    process.link->post(control::EndTrace::type, wire::encode(message), {});
  }
}

void Master::tell_traces(const Process& process) const {
  for (const auto& one : watching_) tell_trace(process, one);
}

void Master::tell_trace(const Process& process, const Watching& one) {
  if (!process.kind->listens && !process.kind->serves_clients) return;
  control::Trace order;
  order.number = one.owner.value();
  order.client = one.client;
  order.user = one.user;
  std::vector<Descriptor> watcher;
  watcher.emplace_back(fcntl(one.watcher.number(), F_DUPFD_CLOEXEC, 3));
  process.link->post(control::Trace::type, wire::encode(order), std::move(watcher));
}

}  // namespace pennypost
