// Sends requests to processes of another kind and awaits their answers.
//
// A request is a struct of wire.h's form with `static constexpr std::uint16_t type` and `using
// Reply`. The other process answers with a Result<Reply>; an Error is passed on unchanged. If a
// peer dies before it answers, or there is none for `peer_wait_seconds`, that is a temporary error:
// the caller answers 4xx or defers, and nothing is lost.
//
//   struct Ask { static constexpr std::uint16_t type = 1; using Reply = Answer; ... fields ... };
//   CO_TRY(auto answer, co_await port.call(std::move(ask)));
//
// Descriptors can be passed both ways with a message; call_raw() returns those of the answer.
//
// Any process may be controlled by an attacker. So what it may ask depends on its kind, for which
// there is a separate table of services; and the server learns from the link, never from the
// message, which process asks. So a process can neither name nor end what another one has opened.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/result.h"
#include "common/base/strong.h"
#include "common/base/wire.h"
#include "common/net/message_socket.h"

namespace pennypost {

inline constexpr std::chrono::seconds peer_wait_seconds{10};

/// The number that the master gives to a process, never used twice. The master itself is 0.
using ProcessNumber = Strong<struct ProcessNumberTag, std::uint64_t>;
inline constexpr ProcessNumber master_process{0};

/// A reply without content.
struct Done {
  template <class Archive>
  void fields(Archive&) {}
};

/// The bytes of an answer and its descriptors.
struct RawReply {
  std::string body;
  std::vector<Descriptor> descriptors;
};

/// The handlers of requests, by type; one table for all links to processes of a kind.
class Services {
 public:
  using Handler = std::function<Task<Result<RawReply>>(Message, ProcessNumber)>;

  /// `function(Request, std::vector<Descriptor>) -> Task<Result<Request::Reply>>`, optionally with
  /// the ProcessNumber of the client as a third argument. What it refers to must outlive the links.
  template <class Request, class Function>
  void on(Function function) {
    auto shared = std::make_shared<Function>(std::move(function));
    handlers_[Request::type] = [shared](Message message, ProcessNumber from) {
      return run<Request, Function>(*shared, std::move(message), from);
    };
  }
  /// The same with Result<RawReply>, for replies with descriptors.
  template <class Request, class Function>
  void on_raw(Function function) {
    auto shared = std::make_shared<Function>(std::move(function));
    handlers_[Request::type] = [shared](Message message, ProcessNumber from) {
      return run_raw<Request, Function>(*shared, std::move(message), from);
    };
  }
  /// The answer to a message; an Error if its type has no handler.
  Task<Result<RawReply>> serve(Message message, ProcessNumber from);

 private:
  template <class Request, class Function>
  static Task<Result<RawReply>> run(Function& function, Message message, ProcessNumber from) {
    CO_TRY(Request request, wire::decode<Request>(message.body));
    auto work = ask(function, std::move(request), std::move(message.descriptors), from);
    CO_TRY(auto reply, co_await std::move(work));
    RawReply raw;
    raw.body = wire::encode(reply);
    co_return std::move(raw);
  }
  template <class Request, class Function>
  static Task<Result<RawReply>> run_raw(Function& function, Message message, ProcessNumber from) {
    CO_TRY(Request request, wire::decode<Request>(message.body));
    auto work = ask(function, std::move(request), std::move(message.descriptors), from);
    co_return co_await std::move(work);
  }
  template <class Request, class Function>
  static auto ask(Function& function, Request request, std::vector<Descriptor> descriptors,
                  ProcessNumber from) {
    if constexpr (std::is_invocable_v<Function&, Request, std::vector<Descriptor>, ProcessNumber>) {
      return function(std::move(request), std::move(descriptors), from);
    } else {
      return function(std::move(request), std::move(descriptors));
    }
  }
  std::unordered_map<std::uint16_t, Handler> handlers_;
};

/// A connection to one process: sends requests and answers, until the peer ends.
class Link {
 public:
  Link(Loop& loop, Descriptor descriptor, Services& services, ProcessNumber peer);

  /// Receives requests and answers until the peer has gone; then every open call fails.
  Task<> run();
  Task<Result<RawReply>> call(std::uint16_t type, std::string body,
                              std::vector<Descriptor> descriptors);
  /// Sends without waiting for the answer.
  void post(std::uint16_t type, std::string body, std::vector<Descriptor> descriptors);
  /// Calls that wait for this peer's answer.
  std::size_t pending() const { return pending_.size(); }
  /// The process at the other end.
  ProcessNumber peer() const { return peer_; }
  /// Whether it can take requests: the peer is there, and has not said that it is leaving.
  bool is_up() const { return up_ && !peer_leaves_; }
  /// Asks the peer to send us no new requests; open ones are still answered.
  void say_leaving();
  /// The same, and returns when all requests that it has sent before have arrived.
  Task<> announce_leaving();
  /// Asks the peer whether we may leave. It refuses while it waits for an answer from us; if it
  /// agrees it sends nothing new. A peer that has gone counts as agreeing.
  Task<bool> ask_to_leave();
  /// Whether all requests of the peer are answered and the answers sent.
  bool is_settled() const { return answering_.empty() && (!up_ || socket_.unsent() == 0); }

 private:
  struct Pending {
    Pending(Loop& loop, std::uint16_t of) : type(of), arrived(loop) {}
    std::uint16_t type;
    std::optional<Message> reply;
    Event arrived;
  };
  Task<> answer(Message message);
  void hear_leaving(const Message& message);
  bool waits_for_answer() const;
  Loop& loop_;
  MessageSocket socket_;
  Services& services_;
  Nursery answering_;
  std::unordered_map<std::uint64_t, Pending*> pending_;
  ProcessNumber peer_;
  std::uint64_t last_id_ = 0;
  bool up_ = true;
  bool peer_leaves_ = false;
};

/// All links to the processes of one kind. A call goes to the available one with the fewest open
/// calls.
class Port {
 public:
  Port(Loop& loop, std::string kind) : kind_(std::move(kind)), loop_(loop), changed_(loop) {}

  template <class Request>
  Task<Result<typename Request::Reply>> call(Request request,
                                             std::vector<Descriptor> descriptors = {}) {
    CO_TRY(auto raw, co_await call_raw(std::move(request), std::move(descriptors)));
    co_return wire::decode<typename Request::Reply>(raw.body);
  }
  /// The answer's bytes with its descriptors.
  template <class Request>
  Task<Result<RawReply>> call_raw(Request request, std::vector<Descriptor> descriptors = {}) {
    std::string body = wire::encode(request);
    auto work = ask(Request::type, std::move(body), std::move(descriptors));
    co_return co_await std::move(work);
  }
  /// Sends a request if a peer is available, without waiting for the answer.
  template <class Request>
  void post(const Request& request) {
    if (Link* link = least_busy()) link->post(Request::type, wire::encode(request), {});
  }

  /// For Child and Master: a new peer, and one that has gone.
  void add(std::shared_ptr<Link> link);
  void remove(const Link* link);
  bool has_peer() { return least_busy() != nullptr; }
  const std::list<std::shared_ptr<Link>>& links() const { return links_; }
  void say_leaving();

 private:
  Task<Result<RawReply>> ask(std::uint16_t type, std::string body,
                             std::vector<Descriptor> descriptors);
  Task<> wait_for_peer();
  Link* least_busy();
  std::string kind_;
  Loop& loop_;
  std::list<std::shared_ptr<Link>> links_;
  Event changed_;
};

}  // namespace pennypost
