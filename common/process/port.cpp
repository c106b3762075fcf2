#include "common/process/port.h"

#include <algorithm>

#include "common/base/wire_error.h"

namespace pennypost {
namespace {

// Requests have types from 16 up, those of control.h below first_work_type; the types below 16 are
// for the links.
constexpr std::uint16_t type_reply = 1;
constexpr std::uint16_t type_error = 2;
constexpr std::uint16_t type_leaving = 3;  // with `question` it asks for permission
constexpr std::uint16_t first_work_type = 32;
constexpr const char* question = "?";
constexpr const char* agreed = "yes";

Error peer_gone(const std::string& kind) {
  return Error::temporary("4.3.0", "the process '" + kind + "' is not available; try again later");
}

Result<RawReply> to_result(Message message) {
  if (message.type == type_error) {
    TRY(auto error, wire::decode<WireError>(message.body));
    return error.error();
  }
  RawReply reply;
  reply.body = std::move(message.body);
  reply.descriptors = std::move(message.descriptors);
  return reply;
}

}  // namespace

Task<Result<RawReply>> Services::serve(Message message, ProcessNumber from) {
  auto handler = handlers_.find(message.type);
  if (handler == handlers_.end()) {
    co_return Error::temporary("4.3.0",
                               "no process serves request " + std::to_string(message.type));
  }
  auto work = handler->second(std::move(message), from);
  co_return co_await std::move(work);
}

Link::Link(Loop& loop, Descriptor descriptor, Services& services, ProcessNumber peer)
    : loop_(loop),
      socket_(loop, std::move(descriptor)),
      services_(services),
      answering_(loop),
      peer_(peer) {}

Task<> Link::run() {
  try {
    for (;;) {
      auto message = co_await socket_.receive();
      if (message.type == type_leaving) {
        hear_leaving(message);
        continue;
      }
      if (message.type != type_reply && message.type != type_error) {
        answering_.start(answer(std::move(message)));
        continue;
      }
      auto waiting = pending_.find(message.id);
      if (waiting == pending_.end()) continue;  // the caller was cancelled
      waiting->second->reply = std::move(message);
      waiting->second->arrived.notify_all();
    }
  } catch (const Disconnected&) {
    up_ = false;
  }
  for (auto& [id, waiting] : pending_) waiting->arrived.notify_all();
}

Task<> Link::answer(Message message) {
  Message out;
  out.id = message.id;
  bool wants_answer = message.id != 0;
  auto work = services_.serve(std::move(message), peer_);
  auto reply = co_await std::move(work);
  if (!wants_answer) co_return;
  if (reply) {
    out.type = type_reply;
    out.body = std::move(reply->body);
    out.descriptors = std::move(reply->descriptors);
  } else {
    out.type = type_error;
    out.body = wire::encode(WireError(reply.error()));
  }
  socket_.send(std::move(out));
}

Task<Result<RawReply>> Link::call(std::uint16_t type, std::string body,
                                  std::vector<Descriptor> descriptors) {
  struct Entry {  // removes the call also if this task is cancelled
    Entry(Link& link, std::uint64_t call_id, Pending& call) : link_(link), id(call_id) {
      link_.pending_.emplace(id, &call);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { link_.pending_.erase(id); }
    Link& link_;
    std::uint64_t id;
  };
  Pending waiting(loop_, type);
  Entry entry(*this, ++last_id_, waiting);
  Message message;
  message.type = type;
  message.id = entry.id;
  message.body = std::move(body);
  message.descriptors = std::move(descriptors);
  socket_.send(std::move(message));
  while (up_ && !waiting.reply) co_await waiting.arrived.wait();
  if (!waiting.reply)
    co_return Error::temporary("4.3.0",
                               "the process has ended before it answered; try again later");
  co_return to_result(*std::move(waiting.reply));
}

void Link::post(std::uint16_t type, std::string body, std::vector<Descriptor> descriptors) {
  Message message;
  message.type = type;
  message.body = std::move(body);
  message.descriptors = std::move(descriptors);
  socket_.send(std::move(message));
}

void Link::say_leaving() { post(type_leaving, {}, {}); }

Task<> Link::announce_leaving() {
  auto work = call(type_leaving, {}, {});
  [[maybe_unused]] auto heard = co_await std::move(work);
}

Task<bool> Link::ask_to_leave() {
  auto work = call(type_leaving, question, {});
  auto answer = co_await std::move(work);
  co_return !answer || answer->body == agreed;
}

void Link::hear_leaving(const Message& message) {
  bool agrees = message.body.empty() || !waits_for_answer();
  peer_leaves_ = peer_leaves_ || agrees;
  if (message.id == 0) return;
  Message out;
  out.type = type_reply;
  out.id = message.id;
  if (agrees) out.body = agreed;
  socket_.send(std::move(out));
}

/// Whether a request for work is not answered yet; the master's own questions do not count.
bool Link::waits_for_answer() const {
  return std::ranges::any_of(pending_, [](const auto& call) {
    return call.second->type >= first_work_type && !call.second->reply;
  });
}

void Port::say_leaving() {
  for (const auto& link : links_) link->say_leaving();
}

void Port::add(std::shared_ptr<Link> link) {
  links_.push_back(std::move(link));
  changed_.notify_all();
}

void Port::remove(const Link* link) {
  links_.remove_if([link](const auto& entry) { return entry.get() == link; });
}

Link* Port::least_busy() {
  Link* best = nullptr;
  for (const auto& link : links_) {
    if (link->is_up() && (best == nullptr || link->pending() < best->pending())) best = link.get();
  }
  return best;
}

Task<> Port::wait_for_peer() {
  while (least_busy() == nullptr) co_await changed_.wait();
}

Task<Result<RawReply>> Port::ask(std::uint16_t type, std::string body,
                                 std::vector<Descriptor> descriptors) {
  if (least_busy() == nullptr) {
    bool found = co_await within(loop_, peer_wait_seconds, wait_for_peer());
    if (!found) co_return peer_gone(kind_);
  }
  Link* best = least_busy();
  std::shared_ptr<Link> link;
  for (const auto& entry : links_) {
    if (entry.get() == best) link = entry;
  }
  auto work = link->call(type, std::move(body), std::move(descriptors));
  co_return co_await std::move(work);
}

}  // namespace pennypost
