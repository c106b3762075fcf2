// Asks another kind of process, and awaits its answers.
//
// A request is a struct of wire.h's form with `static constexpr std::uint16_t type` and `using
// Reply`. Whoever serves it answers with a Result<Reply>; an Error crosses as it is. A peer that
// dies while asked, or that is not there for `peer_wait_seconds`, is a temporary error: the caller
// answers 4xx or defers, and nothing is lost.
//
//   struct Ask { static constexpr std::uint16_t type = 1; using Reply = Answer; ... fields ... };
//   CO_TRY(auto answer, co_await port.call(std::move(ask)));
//
// Descriptors travel both ways beside the message; call_raw() gives those of the answer.
//
// Any process may be in a stranger's hands. What it may ask depends on its kind, which has a table
// of services of its own; and whoever serves learns from the link, never from the message, which
// process asks: what one has opened another can neither name nor end.
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

/// A process, as its master numbers them: no number is given twice. The master itself is 0.
using ProcessNumber = Strong<struct ProcessNumberTag, std::uint64_t>;
inline constexpr ProcessNumber master_process{0};

/// A reply without content.
struct Done {
  template <class Archive>
  void fields(Archive&) {}
};

/// The bytes of an answer and the descriptors beside it.
struct RawReply {
  std::string body;
  std::vector<Descriptor> descriptors;
};

/// What serves requests, by type; one table for all links to processes of a kind.
class Services {
 public:
  using Handler = std::function<Task<Result<RawReply>>(Message, ProcessNumber)>;

  /// `serve(Request, std::vector<Descriptor>) -> Task<Result<Request::Reply>>`, with the
  /// ProcessNumber of who asks as a third argument where it is wanted; must outlive the links.
  template <class Request, class Function>
  void on(Function function) {
    auto shared = std::make_shared<Function>(std::move(function));
    handlers_[Request::type] = [shared](Message message, ProcessNumber from) {
      return run<Request, Function>(*shared, std::move(message), from);
    };
  }
  /// The same, answering Result<RawReply>: for replies with descriptors.
  template <class Request, class Function>
  void on_raw(Function function) {
    auto shared = std::make_shared<Function>(std::move(function));
    handlers_[Request::type] = [shared](Message message, ProcessNumber from) {
      return run_raw<Request, Function>(*shared, std::move(message), from);
    };
  }
  /// The answer to a message; an Error where nothing serves its type.
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

/// One socketpair to one process: asks, answers, until the peer goes.
class Link {
 public:
  Link(Loop& loop, Descriptor descriptor, Services& services, ProcessNumber peer);

  /// Serves and dispatches until the peer has gone; then every open call fails.
  Task<> run();
  Task<Result<RawReply>> call(std::uint16_t type, std::string body,
                              std::vector<Descriptor> descriptors);
  /// Sends without waiting for the answer.
  void post(std::uint16_t type, std::string body, std::vector<Descriptor> descriptors);
  /// Calls that wait for this peer's answer.
  std::size_t pending() const { return pending_.size(); }
  /// Who is at the other end.
  ProcessNumber peer() const { return peer_; }
  /// May be asked: the peer is there, and has not said that it leaves.
  bool is_up() const { return up_ && !peer_leaves_; }
  /// Asks the peer to send us nothing new; what is open is answered still.
  void say_leaving();
  /// The same, and returns when nothing that it sent before can still be on its way.
  Task<> announce_leaving();
  /// Asks the peer whether we may leave. It agrees unless it waits for an answer of ours, and then
  /// sends us nothing new. A peer that has gone agrees.
  Task<bool> ask_to_leave();
  /// Whether everything that the peer has asked is answered, and the answers are with it.
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

/// All links to the processes of one kind. A call goes to the live one with the fewest open calls.
class Port {
 public:
  Port(Loop& loop, std::string kind) : kind_(std::move(kind)), loop_(loop), changed_(loop) {}

  template <class Request>
  Task<Result<typename Request::Reply>> call(Request request,
                                             std::vector<Descriptor> descriptors = {}) {
    CO_TRY(auto raw, co_await call_raw(std::move(request), std::move(descriptors)));
    co_return wire::decode<typename Request::Reply>(raw.body);
  }
  /// The answer's bytes with the descriptors beside it.
  template <class Request>
  Task<Result<RawReply>> call_raw(Request request, std::vector<Descriptor> descriptors = {}) {
    std::string body = wire::encode(request);
    auto work = ask(Request::type, std::move(body), std::move(descriptors));
    co_return co_await std::move(work);
  }
  /// Sends without an answer, if a peer is up.
  template <class Request>
  void post(const Request& request) {
    if (Link* link = least_busy()) link->post(Request::type, wire::encode(request), {});
  }

  /// For the process skeleton: a new peer, and one that has gone.
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
