// Passes what `pennypost trace`, `who` and `kick` want on to the processes that talk with clients
// and servers. Members of Master.
//
// An order to watch lasts as long as the command's connection. A process that is started meanwhile,
// such as the worker of a user who logs in, is told of it as well.
//
// LIMITS    answer_time_max for a process to name or end its sessions; one that is busy longer is
//           left out
// SEE ALSO  control.h and session_messages.h (the messages), ../net/trace.h and
//           ../net/session_list.h (what the processes do)
#include <fcntl.h>

#include <algorithm>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/process/master.h"
#include "common/process/master_process.h"
#include "common/process/session_messages.h"

namespace pennypost {
namespace {

constexpr std::chrono::seconds answer_time_max{5};
using Links = std::vector<std::shared_ptr<Link>>;

template <class Request>
Task<> ask_one(std::shared_ptr<Link> link, std::string request,
               std::vector<typename Request::Reply>& answers) {
  auto asking = link->call(Request::type, std::move(request), {});
  auto reply = co_await std::move(asking);
  if (!reply) co_return;
  auto answer = wire::decode<typename Request::Reply>(reply->body);
  if (answer) answers.push_back(*std::move(answer));
}

/// What all of them answer, as far as they do in time.
template <class Request>
Task<std::vector<typename Request::Reply>> ask_all(Loop& loop, Links links, Request request) {
  std::vector<typename Request::Reply> answers;
  Nursery asking(loop);
  for (auto& link : links) {
    asking.start(ask_one<Request>(std::move(link), wire::encode(request), answers));
  }
  auto joining = within(loop, answer_time_max, asking.join());
  [[maybe_unused]] bool have_all = co_await std::move(joining);
  co_return answers;
}

Task<Result<control::ListSessions::Answer>> list_sessions(Loop& loop, Links links,
                                                          control::ListSessions request) {
  auto asking = ask_all(loop, std::move(links), std::move(request));
  auto answers = co_await std::move(asking);
  control::ListSessions::Answer all;
  for (auto& answer : answers) control::add_sessions(all, std::move(answer));
  co_return all;
}

Task<Result<control::EndSessions::Answer>> end_sessions(Loop& loop, Links links,
                                                        control::EndSessions request) {
  const std::string whose = printable(join(request.masks, " "), 200);
  auto asking = ask_all(loop, std::move(links), std::move(request));
  auto answers = co_await std::move(asking);
  control::EndSessions::Answer all;
  for (const auto& answer : answers) all.count += answer.count;
  log_info("master", "kick: " + std::to_string(all.count) + " sessions of " + whose + " are ended");
  co_return all;
}

}  // namespace

void Master::serve_traces() {
  auto links_to_clients = [this] {
    Links links;
    for (const auto& process : processes_) {
      bool has_clients = process.kind->listens || process.kind->serves_clients;
      if (has_clients && !process.is_candidate) links.push_back(process.link);
    }
    return links;
  };
  command_services_.on<control::ListSessions>(
      [this, links_to_clients](control::ListSessions request, std::vector<Descriptor>) {
        return list_sessions(loop_, links_to_clients(), std::move(request));
      });
  command_services_.on<control::EndSessions>(
      [this, links_to_clients](control::EndSessions request, std::vector<Descriptor>) {
        return end_sessions(loop_, links_to_clients(), std::move(request));
      });
  command_services_.on<control::Trace>(
      [this](control::Trace order, std::vector<Descriptor> watcher, ProcessNumber from) {
        return begin_trace(std::move(order), std::move(watcher), from);
      });
}

Task<Result<Done>> Master::begin_trace(control::Trace order, std::vector<Descriptor> watcher,
                                       ProcessNumber from) {
  if (watcher.size() != 1) co_return Error::permanent("a trace comes with one descriptor");
  if (order.client.empty() && order.user.empty() && order.destination.empty()) {
    co_return Error::permanent("a trace is of a client, of a user or of a destination");
  }
  if (watching_.size() == TraceDesk::orders_max) {
    co_return Error::temporary("there are " + std::to_string(TraceDesk::orders_max) +
                               " traces under way; end one of them first");
  }
  std::vector<std::string> whose;
  if (!order.user.empty()) whose.push_back("user " + order.user);
  if (!order.client.empty()) whose.push_back("client " + order.client);
  if (!order.destination.empty()) whose.push_back("destination " + order.destination);
  watching_.push_back({from, std::move(order.client), std::move(order.user),
                       std::move(order.destination), std::move(watcher.front())});
  for (const auto& process : processes_) {
    if (!process.is_candidate) tell_trace(process, watching_.back());
  }
  log_info("master", "dialogues of " + printable(join(whose, ", "), 500) + " are being watched");
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
  const Kind& kind = *process.kind;
  if (!kind.listens && !kind.serves_clients && !kind.sends) return;
  control::Trace order;
  order.number = one.owner.value();
  order.client = one.client;
  order.user = one.user;
  order.destination = one.destination;
  std::vector<Descriptor> watcher;
  watcher.emplace_back(fcntl(one.watcher.number(), F_DUPFD_CLOEXEC, 3));
  process.link->post(control::Trace::type, wire::encode(order), std::move(watcher));
}

}  // namespace pennypost
