// What a child process finds when it begins: its loop, its configuration, its listeners, its peers.
//
// The master forks it, gives up the privileges its kind does not need, and calls its kind's `run`.
// Peers come and go (crash, reload): ports and services stay the same. A child whose master has
// gone stops at once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "common/net/connection_counts.h"
#include "common/net/listener.h"
#include "common/process/control.h"
#include "common/process/log_keeper.h"
#include "common/process/port.h"
#include "common/tls/context.h"

namespace pennypost {

namespace control {
struct NewPeer;
}

/// What the master prepared as root, for a child that can't open files any more.
struct Prepared {
  std::map<Service, std::shared_ptr<TlsContext>> tls;  // services that have a certificate
  std::shared_ptr<TlsContext> verifying_client;        // next hops by their CAs; null: none asked
  std::map<std::string, std::string> files;            // /etc/resolv.conf, /etc/hosts: their bytes
};

/// A bound socket, and the service it serves.
struct ServiceListener {
  Service service;
  Listener listener;
};

class Child {
 public:
  struct Start {
    std::string kind;
    std::string instance;
    std::shared_ptr<const Config> config;
    std::shared_ptr<const Prepared> prepared;
    std::vector<ServiceListener> listeners;
    std::unique_ptr<ConnectionCounts> connections;  // where it listens
    Descriptor control;
  };
  Child(Loop& loop, Start start);
  ~Child();

  Loop& loop() { return loop_; }
  /// `receive`, `queue`, … as in the process table.
  const std::string& kind() const { return start_.kind; }
  /// Which of them: a number, or the account it was started for.
  const std::string& instance() const { return start_.instance; }
  /// The one in force now; sessions keep theirs. Replaced at reload in processes that live on.
  std::shared_ptr<const Config> config() const { return start_.config; }
  const Prepared& prepared() const { return *start_.prepared; }
  /// The context of a service; null where it has no certificate.
  std::shared_ptr<TlsContext> tls(Service service) const;
  std::vector<ServiceListener>& listeners() { return start_.listeners; }
  /// Of a kind that listens: what each client holds in all processes of the daemon.
  ConnectionCounts& connections() { return *start_.connections; }

  /// Requests to the processes of a kind; the same object for ever. `master` is one of the kinds.
  Port& port(std::string_view kind);
  /// What this process answers to processes of that kind, and to no others; `deliver` stands for
  /// all of `deliver:INSTANCE`. Fill it before run().
  Services& services(std::string_view kind);
  /// Called when a process that this one was linked with has gone.
  void on_peer_gone(std::function<void(ProcessNumber)> handler);

  /// Called once when the master asks for a drain: stop accepting, end what can be ended, then call
  /// finish(). Without a handler the process ends when all that was asked of it is answered.
  void on_drain(std::function<void()> handler) { on_drain_ = std::move(handler); }
  /// Makes all ready for a configuration that may come into force, or says why this process could
  /// not serve under it.
  using TryConfig = std::function<Task<Result<void>>(std::shared_ptr<const Config>)>;
  void on_trial(TryConfig handler) { on_trial_ = std::move(handler); }
  /// Called after config() was replaced, by what was tried last.
  void on_reload(std::function<void()> handler) { on_reload_ = std::move(handler); }
  /// What hinders this process in its work although it serves; for run() to report.
  void note_problem(std::string text) { problems_.push_back(std::move(text)); }
  /// Instead of run(): reports why this process can't serve, and returns when the master has it.
  void refuse(const Error& why);
  /// Returns when the configuration that this process was started with is in force: who accepts
  /// connections waits for it before the first.
  Task<> begun();
  bool is_draining() const { return draining_; }
  /// While it drains: whether the daemon ends, and the time after which this process is killed.
  bool is_stopping() const { return stopping_; }
  Duration drain_limit() const { return drain_limit_; }
  /// For a kind that is started on demand: it ends once it has not been busy for `longest`, and
  /// earlier when the master needs its place for another account. The master and the peers agree
  /// first, so that nothing is asked of a process that is about to go; the next request finds a new
  /// one.
  void leave_when_idle(Duration longest);
  /// While one lives, the process is at something.
  class Busy {
   public:
    explicit Busy(Child& child);
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy();

   private:
    Child& child_;
  };
  /// Ends the process's loop: run() returns.
  void finish() { loop_.stop(); }
  /// Tasks that live as long as the process.
  Nursery& tasks() { return tasks_; }

  /// Reports that this process serves; then runs until finish(), a drain without handler, or the
  /// master's end.
  void run();

 private:
  Task<> listen_to_master();
  Task<std::optional<Descriptor>> ask_for_log();
  Task<> keep_link(std::shared_ptr<Link> link, Port& port);
  Task<Result<Done>> new_peer(control::NewPeer peer, std::vector<Descriptor> ends);
  Task<Result<Done>> try_config(std::string text);
  Task<Result<Done>> take_config(std::vector<Descriptor> log_file);
  Task<Result<Done>> drop_config();
  Task<Result<Done>> begin();
  void report_service();
  Task<> stop_when_told();
  Task<Result<Done>> drain(bool is_stop, std::chrono::seconds limit);
  Task<Result<control::MakeRoom::Answer>> make_room(bool is_forced);
  Task<Result<control::AskIdleness::Answer>> idleness() const;
  Task<> watch_idleness(Duration longest);
  Task<> leave(bool needs_consent);
  bool is_idle() const;
  bool is_settled() const;
  Loop& loop_;
  Start start_;
  std::map<std::string, Services, std::less<>> services_;  // by kind
  std::map<std::string, std::unique_ptr<Port>, std::less<>> ports_;
  std::vector<std::function<void(ProcessNumber)>> on_peer_gone_;
  std::function<void()> on_drain_;
  TryConfig on_trial_;
  std::function<void()> on_reload_;
  std::shared_ptr<const Config> tried_;  // until it is taken or dropped
  std::vector<std::string> problems_;
  bool has_begun_ = false;
  Event begun_;
  bool draining_ = false;
  bool stopping_ = false;
  Duration drain_limit_ = Duration::zero();
  std::size_t busy_ = 0;
  LogKeeper log_keeper_;
  bool was_busy_ = false;
  bool leaving_ = false;
  SteadyTime idle_since_ = std::chrono::steady_clock::now();
  std::shared_ptr<Link> master_;
  Nursery tasks_;
};

}  // namespace pennypost
