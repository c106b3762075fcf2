// Provides a child process with its loop, its configuration, its listeners and its peers.
//
// The master forks it; the child drops the privileges that its kind does not need and calls its
// kind's `run`. Peers come and go (crash, reload), while ports and services stay the same. A child
// whose master has gone stops at once.
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
#include "common/net/trace.h"
#include "common/process/control.h"
#include "common/process/log_keeper.h"
#include "common/process/port.h"
#include "common/process/server_tls.h"
#include "common/tls/context.h"

namespace pennypost {

namespace control {
struct NewPeer;
struct Trace;
}  // namespace control

/// What the master has prepared as root for a child that can no longer open files.
struct Prepared {
  ServerContexts tls;         // services that have a certificate
  ClientContexts client_tls;  // for next hops by SMTP; only in processes that send
  ClientContexts lmtp_tls;    // for LMTP servers; the same
  std::map<std::string, ClientContexts, std::less<>> transport_tls;  // of [transport.NAME]
  std::map<std::string, std::string> files;  // the content of /etc/resolv.conf, /etc/hosts
};

/// A bound socket, and the service it serves.
struct ServiceListener {
  std::string name;  // of the service
  Service service;   // as which it behaves
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
    Descriptor memory;  // /proc/self/statm; none: unknown
  };
  Child(Loop& loop, Start start);
  ~Child();

  Loop& loop() { return loop_; }
  /// `receive`, `queue`, …, as in the process table.
  const std::string& kind() const { return start_.kind; }
  /// Which process of the kind: a number, or the account it was started for.
  const std::string& instance() const { return start_.instance; }
  /// The configuration in force; sessions keep theirs. Replaced at reload in processes that live
  /// on.
  std::shared_ptr<const Config> config() const { return start_.config; }
  const Prepared& prepared() const { return *start_.prepared; }
  /// The context of the service of that name; null if it has no certificate.
  std::shared_ptr<TlsContext> tls(std::string_view service) const;
  std::vector<ServiceListener>& listeners() { return start_.listeners; }
  /// For kinds that listen: each client's connections in all processes of the daemon.
  ConnectionCounts& connections() { return *start_.connections; }
  /// Who watches the dialogues of this process's clients.
  TraceDesk& traces() { return traces_; }

  /// Sends requests to the processes of a kind; always the same object. `master` is one of the
  /// kinds.
  Port& port(std::string_view kind);
  /// The requests that this process answers to processes of that kind only; `deliver` stands for
  /// every `deliver:INSTANCE`. Fill it before run().
  Services& services(std::string_view kind);
  /// Adds a function that is called when a process linked with this one has gone.
  void on_peer_gone(std::function<void(ProcessNumber)> handler);

  /// Sets a function that is called once when the master asks for a drain: stop accepting, end what
  /// can be ended, then call finish(). Without one the process ends when all requests are answered.
  void on_drain(std::function<void()> handler) { on_drain_ = std::move(handler); }
  /// Prepares for a configuration that may come into force, or says why this process could not
  /// serve with it.
  using TryConfig = std::function<Task<Result<void>>(std::shared_ptr<const Config>)>;
  void on_trial(TryConfig handler) { on_trial_ = std::move(handler); }
  /// Sets a function that is called after config() was replaced by the one tried last.
  void on_reload(std::function<void()> handler) { on_reload_ = std::move(handler); }
  /// Notes a problem that does not prevent serving; run() reports it.
  void note_problem(std::string text) { problems_.push_back(std::move(text)); }
  /// Instead of run(): reports why this process can't serve, and returns when the master has the
  /// report.
  void refuse(const Error& why);
  /// Returns when the configuration that this process was started with is in force. Processes that
  /// accept connections wait for it first.
  Task<> begun();
  bool is_draining() const { return draining_; }
  /// Whether it is about to end, for whatever reason: to be waited for by work that can be left.
  bool is_leaving() const { return draining_ || leaving_; }
  /// During a drain: whether the daemon ends, and the time after which this process is killed.
  bool is_stopping() const { return stopping_; }
  Duration drain_limit() const { return drain_limit_; }
  /// For a kind that is started on demand: it ends once it has been idle for `longest`, and earlier
  /// if the master needs its place for another account. The master and the peers agree first, so
  /// that no request is sent to a process that is about to end; the next request gets a new one.
  void leave_when_idle(Duration longest);
  /// While one of these exists, the process is busy.
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

  /// Reports that this process serves; then runs until finish(), a drain without a handler, or the
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
  Task<Result<Done>> trace(control::Trace order, std::vector<Descriptor> watcher);
  Task<Result<Done>> end_trace(std::uint64_t number);
  void note_memory();
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
  std::shared_ptr<const Config> tried_;  // until taken or dropped
  std::vector<std::string> problems_;
  bool has_begun_ = false;
  Event begun_;
  bool draining_ = false;
  bool stopping_ = false;
  Duration drain_limit_ = Duration::zero();
  std::size_t busy_ = 0;
  TraceDesk traces_;
  SteadyTime memory_noted_;
  LogKeeper log_keeper_;
  bool was_busy_ = false;
  bool leaving_ = false;
  SteadyTime idle_since_ = std::chrono::steady_clock::now();
  std::shared_ptr<Link> master_;
  Nursery tasks_;
};

}  // namespace pennypost
