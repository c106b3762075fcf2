// Keeps the processes of a daemon running: forks them from a table of kinds, and restarts crashed
// ones.
//
// The master binds ports, reads and checks the configuration and certificates, forks the children,
// links those that talk to each other by socketpairs, restarts crashed ones after a growing pause,
// reloads on SIGHUP, and drains on SIGTERM or SIGINT. It has one thread, opens no database, and
// parses nothing from outside except its children's frames.
//
// Start: READY=1 is sent to the service manager (notify.h) when every process serves. Until then
// STATUS= and ERRNO= say why a process does not serve, and it is started again.
//
// Reload (reload.cpp): a kind that lives on gets the new Config; for every other kind new processes
// are started, and the old ones end with their sessions, at the latest after `reload_drain_max`.
// All processes load and open everything first; if one can't, the old configuration stays in force
// everywhere.
//
// base_dir/NAME.socket, open to root and our own user, takes the requests of `pennypost reload`.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/network_tables.h"
#include "common/metrics/figures_file.h"
#include "common/process/child.h"
#include "common/process/log_keeper.h"
#include "common/process/privileges.h"

namespace pennypost {

class Master;

/// The greatest number of processes of an on-demand kind.
struct ProcessLimit {
  std::string parameter;  // the setting with this limit
  std::function<std::uint64_t(const Config&)> most;
  /// Whether a process finishes soon, so that a request waits for one to end even if all are busy.
  bool is_short_lived = false;
};

/// One row of a daemon's process table.
struct Kind {
  enum class Number { One, PerTwoCores, PerCore, OnDemand };
  /// Program: a user who runs an admin's program, and has no mail; Account and Program come with
  /// the demand. Keeper: the master's own user, root if it is root; for what only that may write.
  enum class User { NullUser, MailOwner, AuthUser, Account, Program, Keeper };

  std::string name;
  Number number = Number::One;
  User user = User::MailOwner;
  bool listens = false;
  bool sends = false;           // speaks TLS to other hosts, as ourselves
  bool serves_clients = false;  // ends before the kinds that its clients need, like listeners
  bool lives_on = false;        // gets the new Config at reload instead of being replaced
  bool no_network = false;
  bool no_files = false;      // chroot to empty_directory, and landlock
  Calls calls = Calls::Base;  // the system calls that it needs
  bool read_only = false;     // landlock: files may be read, but nothing on disk changed,
                              // except the files in the directories that `writes` names
  std::function<std::vector<std::string>(const Config&)> writes;
  /// Whether with this configuration it runs programs, so that `calls` are not enough; empty:
  /// never.
  std::function<bool(const Config&)> runs_programs;
  std::vector<std::string> peers;  // kinds that it is linked with; named on one side
  std::function<void(Child&)> run;
  std::optional<ProcessLimit> limit;  // of an on-demand kind
  /// Whether this configuration needs such a process; empty: always.
  std::function<bool(const Config&)> is_wanted;
  /// Registers what this kind may ask of the master; empty: nothing.
  std::function<void(Master&, Services&)> asks_master;
};

/// A request for a process of an on-demand kind.
struct Demand {
  std::string kind;
  std::string instance;
  Identity identity;
  bool is_shared = false;  // serves more than one account, so the limit does not apply
};

struct DaemonSpec {
  std::string name;               // smtpd
  std::vector<Service> services;  // whose ports it listens on
  bool is_tls_client = false;     // sends to other hosts, needs Prepared::client_tls
  /// Serves mailboxes: logs under its first service's syslog_name, and like Dovecot if that name
  /// requires it. smtpd's services share one name.
  bool logs_as_service = false;
  std::vector<Kind> kinds;
  /// Checks beyond the configuration's own before a start or reload (directories, tables).
  std::function<Result<void>(const Config&)> prepare;
  ReadNames read_names;  // tls_server_sni_maps
  /// Reads the tables in lists of networks; empty: none of the settings that are used is such.
  ReadNetworks read_networks;
};

class Master {
 public:
  Master(Loop& loop, DaemonSpec spec, LoadOptions options);
  ~Master();

  /// Reads the configuration, binds, starts; then runs until SIGTERM. The exit status: 0 after a
  /// drain, 78 (EX_CONFIG) if the configuration is wrong, 71 (EX_OSERR) if a port or file can't be
  /// opened.
  int run();

  std::shared_ptr<const Config> config() const;
  Loop& loop() { return loop_; }

  /// A process of an on-demand kind, and its name as a peer.
  struct OnDemand {
    std::string port;  // `KIND:INSTANCE`
    std::shared_ptr<Link> link;
  };
  /// The process for `demand.instance`, started as `demand.identity` if it is not running, and
  /// linked with its peers. If there are as many as the kind's limit allows, an idle one ends to
  /// make room, else the request waits (on_demand.cpp). Error: `control::all_busy` if there is no
  /// room, or the daemon is stopping.
  Task<Result<OnDemand>> start_on_demand(Demand demand);
  /// A process of that kind that takes requests, each time another one; null: there is none now.
  std::shared_ptr<Link> one_of(const std::string& kind);

 private:
  struct Process;
  struct Bound;
  struct Generation;
  struct Trial;
  struct Watching;
  struct Place {
    const Kind* kind;
    std::string instance;
  };
  struct Line;
  struct Ticket;
  Result<std::shared_ptr<Generation>> make_generation(std::shared_ptr<const Config> config) const;
  Result<std::shared_ptr<const Prepared>> prepare(const Config& config) const;
  const Bound* find_bound(std::string_view service, const Endpoint& endpoint) const;
  Result<void> bind_listeners(const Config& config, std::list<Bound>& bound) const;
  Result<void> bind_service(const ListeningService& service, const Config& config,
                            std::list<Bound>& bound) const;
  Result<void> bind_socket(const ListeningService& service, std::list<Bound>& bound) const;
  static void remove_sockets(const Generation& of, const Generation* kept);
  Result<Privileges> privileges(const Config& config, const Kind& kind,
                                const Identity* identity) const;
  const Kind& kind_named(const std::string& name) const;
  Result<void> start(const Kind& kind, const std::string& instance, const Identity* identity);
  void begin(Process& process);
  Result<Process*> launch(Generation& from, const Kind& kind, const std::string& instance,
                          const Identity* identity);
  [[noreturn]] void become_child(Generation& from, const Kind& kind, Child::Start start,
                                 const Privileges& keep);
  void forget_keys(const Kind& kind, Child::Start& begin);
  void link_peers(Process& process);
  std::shared_ptr<Link> running(const Kind& kind, const std::string& instance);
  Result<OnDemand> start_now(const Kind& kind, const Demand& demand);
  bool must_wait(const Kind& kind, const std::string& instance) const;
  bool has_room(const Kind& kind) const;
  bool is_closed(const Kind& kind) const;
  Task<> serve_line(const Kind& kind, Line& line);
  std::size_t admit(const Kind& kind, Line& line);
  Task<bool> make_room(const Kind& kind, Line& line, std::size_t needed);
  std::size_t count_leaving(const Kind& kind) const;
  Task<bool> ask_to_go(std::shared_ptr<Link> link, bool is_forced);
  Process* find(ProcessNumber number);
  Task<> wait_for_child();
  void tell_busy(const Kind& kind, Line& line);
  std::vector<Place> places(const Config& config) const;
  void start_all();
  Task<Result<Done>> note_report(control::Report report, ProcessNumber from);
  bool serves_all() const;
  void tell_problem(const std::string& text) const;
  void tell_not_ready(const std::string& text) const;
  Task<> watch_signals();
  Task<> keep_link(std::shared_ptr<Link> link);
  Task<> restart_later(std::string kind, std::string instance);
  Task<> drain_old(std::vector<pid_t> old);
  Task<> wait_for_end(bool all);
  Task<> stop();
  void reap();
  // reload.cpp
  void serve_reload();
  // traces.cpp
  void serve_traces();
  Task<Result<Done>> begin_trace(control::Trace order, std::vector<Descriptor> watcher,
                                 ProcessNumber from);
  void end_trace(ProcessNumber owner);
  void tell_traces(const Process& process) const;
  static void tell_trace(const Process& process, const Watching& one);
  void listen_to_commands();
  Task<> accept_commands();
  Task<> serve_command(Descriptor socket);
  Task<Result<Done>> try_for_command(ProcessNumber from);
  Task<Result<Done>> commit_for_command(ProcessNumber from);
  Task<> drop_late(std::uint64_t number);
  Task<> reload();
  Task<Result<void>> try_config(ProcessNumber owner, std::shared_ptr<const Config> same = nullptr);
  Task<Result<void>> prepare_trial(std::shared_ptr<const Config> config);
  Task<Result<void>> ask_living();
  Task<Result<void>> start_candidates();
  Task<> wait_for_candidates();
  void commit_trial();
  void drop_trial();
  void give_config(Process& process, const std::string& text);
  Task<> let_catch_up(std::shared_ptr<Link> link, std::string kind, std::string text);
  Task<> wait_until_taken();
  bool needs_other_rights(const Process& process, const Config& before) const;

  // certificate_watch.cpp
  void tell_certificates();
  std::string certificate_stamp(const Config& config) const;
  Task<> watch_certificates();

  static Task<Result<RawReply>> connect_log();

  Loop& loop_;
  DaemonSpec spec_;
  LoadOptions options_;
  std::shared_ptr<Generation> now_;
  std::unique_ptr<Trial> trial_;
  std::list<Process> processes_;
  std::uint64_t last_process_ = 0;  // see ProcessNumber
  ConnectionTable connections_;     // of the accepting processes
  metrics::FiguresFile figures_;
  std::map<std::string, std::unique_ptr<Services>> services_;  // by kind
  std::map<std::string, std::shared_ptr<Line>> lines_;         // by kind
  std::map<std::string, int> crashes_;                         // by kind and instance
  Event child_ended_;
  Event reloaded_;
  Event reported_;               // a process has reported or ended, or a trial has ended
  std::size_t catching_up_ = 0;  // processes that live on, started during a trial
  Event caught_up_;
  std::vector<Watching> watching_;
  std::unique_ptr<Listener> commands_;
  Services command_services_;
  std::uint64_t last_trial_ = 0;
  std::uint64_t last_chosen_ = 0;  // of one_of()
  bool has_reload_waiting_ = false;
  bool is_ready_ = false;
  std::shared_ptr<TicketKeys> tickets_;
  std::uint64_t ends_ = 0;  // how many processes have ended
  Descriptor signals_;
  bool stopping_ = false;
  bool is_ending_ = false;  // the second half of a stop
  std::unique_ptr<Nursery> tasks_;
  LogKeeper log_keeper_;
};

}  // namespace pennypost
