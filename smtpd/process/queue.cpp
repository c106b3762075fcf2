#include "smtpd/process/queue.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/file.h"
#include "common/config/server_ref.h"
#include "common/log/log.h"
#include "smtpd/milter/messages.h"
#include "smtpd/pickup/control_server.h"
#include "smtpd/pickup/pickup.h"
#include "smtpd/process/outgoing_desk.h"
#include "smtpd/queue/directories.h"
#include "smtpd/queue/fact_store.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/open_bodies.h"
#include "smtpd/queue/queue.h"
#include "smtpd/queue/refusal.h"
#include "smtpd/queue/screen_messages.h"
#include "smtpd/reports/reporter.h"
#include "smtpd/reports/tls_reporter.h"
#include "smtpd/scheduler/address_verifier.h"
#include "smtpd/scheduler/error_notice.h"
#include "smtpd/scheduler/report_templates.h"
#include "smtpd/scheduler/room_desk.h"
#include "smtpd/scheduler/scheduler.h"
#include "smtpd/scheduler/tls_levels.h"

namespace pennypost::smtp {
namespace {

constexpr std::chrono::minutes orphan_round{30};
constexpr std::chrono::seconds ages_round{2};
constexpr std::chrono::seconds levels_round{60};
constexpr std::uint64_t levels_bytes_max = 256 * 1024 * 1024;
constexpr std::size_t flushes_max = 10;  // domains that ETRN has asked for, at once
constexpr unsigned long timer_slack_nanoseconds = 1'000;

/// Shared, so that it lives as long as a request that it serves: the child's table of services
/// holds it.
class QueueProcess : public std::enable_shared_from_this<QueueProcess> {
 public:
  QueueProcess(Child& child, Queue::Opened opened)
      : child_(child),
        queue_(std::move(opened.queue)),
        facts_(child.loop(), queue_->directory() / "remembered", Clock::system()),
        scheduler_(child.loop(), *queue_, peers(), Clock::system()),
        verifier_(child.loop(), peers(), facts_, scheduler_.local_sockets(), Clock::system()),
        rooms_(child.loop(), peers()),
        outgoing_(child.loop(), scheduler_, facts_, [this] { return child_.config(); }),
        pickup_(
            child.loop(), *queue_, scheduler_, [this] { return child_.config(); }, ask_lookup(),
            Clock::system()),
        control_(child.loop(), *queue_, scheduler_, pickup_, [this] { return child_.config(); }),
        reporter_(child.loop(), (queue_->directory() / "dmarc").string(), ask_for_reports(),
                  Clock::system()),
        tls_reporter_(child.loop(), (queue_->directory() / "tlsrpt").string(), ask_for_reports(),
                      Clock::system()),
        tasks_(child.loop()) {
    for (const auto& warning : opened.warnings) log_warning("qmgr", warning);
    use(load_templates(child_.config()->bounce_template_file));
    queue_->committer().on_warning([](const std::string& text) { log_warning("qmgr", text); });
    // The master starts a new queue process, which reopens the database; attempts that were under
    // way are uncertain, as after a crash.
    queue_->committer().on_lost([](const std::string& text) {
      log_fatal("qmgr", "the queue's database must be reopened: " + text);
      std::_Exit(EX_TEMPFAIL);
    });
    scheduler_.begin(opened.waiting, !opened.was_stopped_orderly);
    child_.on_reload([this] {
      queue_->set_free_bytes_min(queue_options(*child_.config()).free_bytes_min);
      scheduler_.look();
      tasks_.start(reload_templates());
    });
    child_.on_drain([this] { tasks_.start(stop()); });
    tasks_.start(remove_orphans());
    tasks_.start(show_ages());
    load_levels();
    tasks_.start(keep_levels());
    auto listening = control_.listen(queue_socket_path(queue_->directory()));
    if (listening) {
      tasks_.start(control_.run());
    } else {
      log_error("qmgr", listening.error().text() + "; sendmail can only use maildrop");
    }
    tasks_.start(pickup_.run());
    tasks_.start(reporter_.run());
    tasks_.start(tls_reporter_.run());
  }

  void serve() {
    auto self = shared_from_this();
    Services& services = child_.services("receive");
    services.on_raw<OpenBody>([self](OpenBody ask, std::vector<Descriptor>, ProcessNumber from) {
      return self->open_body(std::move(ask), from);
    });
    services.on<DropBody>([self](DropBody ask, std::vector<Descriptor>, ProcessNumber from) {
      return self->drop_body(std::move(ask), from);
    });
    services.on<Submit>([self](Submit ask, std::vector<Descriptor>, ProcessNumber from) {
      return self->submit(std::move(ask), from);
    });
    auto post_notice = [self](PostNotice ask, std::vector<Descriptor>) {
      return self->post_notice(std::move(ask));
    };
    services.on<PostNotice>(post_notice);
    child_.services("send").on<NoteTls>(
        [self](NoteTls note, std::vector<Descriptor>) { return self->note_tls(std::move(note)); });
    child_.services("send").on<NoteTlsResult>([self](NoteTlsResult note, std::vector<Descriptor>) {
      return self->note_result(std::move(note));
    });
    child_.services("send").on<PostNotice>(post_notice);
    child_.services("lookup").on<VerifyAddress>([self](VerifyAddress ask, std::vector<Descriptor>) {
      return self->verify(std::move(ask));
    });
    services.on<NoteEvaluation>([self](NoteEvaluation evaluation, std::vector<Descriptor>) {
      return self->note(std::move(evaluation));
    });
    services.on<Deliver>([self](Deliver ask, std::vector<Descriptor>, ProcessNumber from) {
      return self->deliver(std::move(ask), from);
    });
    services.on<AskAllowance>([self](AskAllowance ask, std::vector<Descriptor>) {
      return self->tell_allowance(std::move(ask));
    });
    services.on<AskRoom>(
        [self](AskRoom ask, std::vector<Descriptor>) { return self->tell_room(std::move(ask)); });
    services.on<RecallClient>(
        [self](RecallClient ask, std::vector<Descriptor>) { return self->recall(std::move(ask)); });
    services.on<NotePassed>([self](NotePassed note, std::vector<Descriptor>) {
      return self->note_passed(std::move(note));
    });
    services.on<FlushSite>(
        [self](FlushSite ask, std::vector<Descriptor>) { return self->flush(std::move(ask)); });
    services.on_raw<ConnectFilter>([self](ConnectFilter ask, std::vector<Descriptor>) {
      return self->connect_filter(std::move(ask));
    });
    child_.services("send").on_raw<ConnectSocket>(
        [self](ConnectSocket ask, std::vector<Descriptor>) {
          return self->connect(std::move(ask));
        });
    child_.on_peer_gone([self](ProcessNumber process) {
      for (auto& id : self->bodies_.close_all_of(process)) {
        self->tasks_.start(self->remove_body(std::move(id)));
      }
    });
  }
  PickupDesk::Ask ask_lookup() {
    PickupDesk::Ask ask;
    ask.connect_milter = [this](std::uint32_t number) { return connect_milter(number); };
    ask.canonicalize = [this](Canonicalize what) {
      return child_.port("lookup").call(std::move(what));
    };
    ask.check_user = [this](CheckUser what) { return child_.port("lookup").call(std::move(what)); };
    ask.check_submitter = [this](CheckSubmitter what) {
      return child_.port("lookup").call(std::move(what));
    };
    ask.count_outgoing = [this](std::string user, std::vector<Recipient> recipients) {
      return outgoing_.count(std::move(user), std::move(recipients));
    };
    ask.check_content = [this](CheckContent what) {
      return child_.port("lookup").call(std::move(what));
    };
    return ask;
  }

  DailyReporter::Ask ask_for_reports() {
    DailyReporter::Ask ask;
    ask.config = [this] { return child_.config(); };
    ask.find_targets = [this](FindReportTargets what) {
      return child_.port("lookup").call(std::move(what));
    };
    ask.post = [this](PostReport what) { return child_.port("lookup").call(std::move(what)); };
    ask.submit = [this](NewMessage message) {
      return scheduler_.submit(std::move(message.envelope), std::move(message.body));
    };
    return ask;
  }

  /// Cancels everything, when the loop has ended.
  void end() {
    tasks_.cancel();
    verifier_.end();
    outgoing_.end();
    facts_.end();
    control_.end();
    scheduler_.end();
  }

 private:
  Scheduler::Peers peers() {
    Scheduler::Peers peers;
    peers.port = [this](std::string_view kind) -> Port& { return child_.port(kind); };
    peers.config = [this] { return child_.config(); };
    peers.templates = [this] { return templates_; };
    return peers;
  }

  /// A client waits for the start alone. Whoever asks again meanwhile gets no more done by it.
  Task<Result<Done>> flush(FlushSite ask) {
    bool is_new = flushing_.size() < flushes_max && flushing_.insert(ask.site).second;
    if (is_new) tasks_.start(flush_site(std::move(ask.site)));
    co_return Done();
  }
  Task<> flush_site(std::string site) {
    auto work = control_.flush_site(site);
    co_await std::move(work);
    flushing_.erase(site);
  }

  Task<Result<VerifyAddress::Verified>> verify(VerifyAddress ask) {
    auto verifying = verifier_.verify(std::move(ask.address));
    co_return co_await std::move(verifying);
  }

  Task<Result<AskAllowance::Allowance>> tell_allowance(AskAllowance ask) {
    co_return outgoing_.allowance(ask.user);
  }
  Task<Result<Room>> tell_room(AskRoom ask) {
    auto finding = rooms_.find_out(std::move(ask));
    co_return co_await std::move(finding);
  }
  /// Which tests before a session a client has passed.
  static std::string client_key(const std::string& address) { return "c/" + address; }
  Task<Result<PassedTests>> recall(RecallClient ask) {
    auto looking = facts_.find(client_key(ask.address));
    auto found = co_await std::move(looking);
    if (!found) co_return PassedTests();
    co_return wire::decode<PassedTests>(*found);
  }
  Task<Result<Done>> note_passed(NotePassed note) {
    if (!IpAddress::parse(note.address)) co_return Error(501, "not an address");
    const PassedTests& tests = note.tests;
    std::int64_t until =
        std::max({tests.greet, tests.dnsbl, tests.pipelining, tests.non_smtp, tests.bare_newline});
    facts_.keep(client_key(note.address), wire::encode(tests), until);
    co_return Done();
  }

  Task<Result<RawReply>> open_body(OpenBody ask, ProcessNumber from) {
    CO_TRY_DO(bodies_.open(ask.id, from));
    auto file = co_await queue_->open_body(ask.id);
    if (!file) {
      bodies_.close(ask.id, from);
      co_return std::move(file).error();
    }
    if (!bodies_.is_of(ask.id, from)) {
      // The process that asked ended while the file was being created.
      co_await queue_->drop_body(ask.id);
      co_return Error::temporary("4.3.0", "the process that asked for the file has ended");
    }
    RawReply reply;
    reply.body = wire::encode(Done());
    reply.descriptors.push_back(*std::move(file));
    co_return std::move(reply);
  }
  Task<Result<Done>> drop_body(DropBody ask, ProcessNumber from) {
    bool is_its_own = bodies_.close(ask.id, from);
    if (is_its_own) co_await queue_->drop_body(ask.id);
    co_return Done();
  }
  Task<Result<std::unique_ptr<Stream>>> connect_milter(std::uint32_t number) {
    ConnectMilter ask;
    ask.number = number;
    auto asking = child_.port("lookup").call_raw(std::move(ask));
    CO_TRY(auto reply, co_await std::move(asking));
    if (reply.descriptors.size() != 1) {
      co_return Error::temporary("4.3.0", "the lookup process sent no connection");
    }
    std::unique_ptr<Stream> stream =
        Socket::adopted(child_.loop(), std::move(reply.descriptors.front()));
    co_return std::move(stream);
  }
  Task<Result<RawReply>> connect(ConnectSocket ask) {
    auto limit = child_.config()->lmtp_connect_timeout;
    auto connecting = scheduler_.local_sockets().connect(std::move(ask.path), limit);
    CO_TRY(auto socket, co_await std::move(connecting));
    RawReply reply;
    reply.body = wire::encode(Done());
    reply.descriptors.push_back(std::move(socket));
    co_return std::move(reply);
  }
  /// Only what the configuration names can be connected to.
  Task<Result<RawReply>> connect_filter(ConnectFilter ask) {
    const Settings* service = child_.config()->find_service(ask.service);
    auto at = ServerRef::parse_filter(service != nullptr ? service->smtpd_proxy_filter : "");
    if (!at || !at->is_unix()) co_return Error::temporary("4.3.5", "there is no such filter");
    auto connecting = scheduler_.local_sockets().connect_to(at->path, service->smtpd_proxy_timeout);
    CO_TRY(auto socket, co_await std::move(connecting));
    RawReply reply;
    reply.body = wire::encode(Done());
    reply.descriptors.push_back(std::move(socket));
    co_return std::move(reply);
  }
  Task<> remove_body(QueueId id) { co_await queue_->drop_body(id); }
  Task<Result<Done>> submit(Submit ask, ProcessNumber from) {
    auto taking = take(std::move(ask), from, nullptr);
    CO_TRY_DO(co_await std::move(taking));
    co_return Done();
  }
  /// The message is durable before the attempt whose outcome the client waits for.
  Task<Result<Deliver::Fates>> deliver(Deliver ask, ProcessNumber from) {
    auto client = std::make_shared<WaitingClient>(child_.loop(), std::move(ask.recipients));
    auto taking = take(std::move(ask.message), from, client);
    CO_TRY_DO(co_await std::move(taking));
    Deliver::Fates answer;
    answer.fates = co_await client->wait(deliver_wait_max);
    co_return std::move(answer);
  }
  Task<Result<void>> take(Submit ask, ProcessNumber from, std::shared_ptr<WaitingClient> client) {
    QueueId id = ask.envelope.id;
    bool is_file = ask.envelope.body_is_file;
    bool is_its_own = is_file ? bodies_.close(id, from) : !bodies_.is_open(id);
    if (!is_its_own) co_return Error(501, "5.5.4", "the body belongs to another process");
    Result<void> counted;
    if (!ask.envelope.sasl_username.empty()) {
      auto counting = outgoing_.count(ask.envelope.sasl_username, ask.envelope.recipients);
      counted = co_await std::move(counting);
    }
    if (!counted && is_file) co_await queue_->drop_body(id);
    if (!counted) co_return std::move(counted);
    auto work = scheduler_.submit(std::move(ask.envelope), std::move(ask.body), Changes(),
                                  std::move(client));
    auto taken = co_await std::move(work);
    // If there is a message of this id already, drop_body() keeps the file.
    if (!taken && is_file) co_await queue_->drop_body(id);
    co_return std::move(taken);
  }

  Task<Result<Done>> post_notice(PostNotice ask) {
    if (ask.transcript.size() > notice_bytes_max) co_return Error(501, "the notice is too large");
    auto notice = error_notice(ask, *child_.config(), Clock::system());
    log_message_id(notice.envelope.id.value(), notice.envelope.message_id);
    auto work = scheduler_.submit(std::move(notice.envelope), std::move(notice.body));
    auto taken = co_await std::move(work);
    if (!taken) log_warning("bounce", "postmaster notify: " + taken.error().text());
    co_return Done();
  }

  Task<Result<Done>> note(NoteEvaluation evaluation) {
    auto noting = reporter_.note(std::move(evaluation));
    co_await std::move(noting);
    co_return Done();
  }

  /// The texts of reports; a mistake must not keep mail from being returned.
  void use(Result<BounceTemplates> templates) {
    if (!templates) {
      log_warning("bounce", "bounce_template_file: " + templates.error().text() +
                                "; the built-in texts are used");
    }
    templates_ = std::make_shared<const BounceTemplates>(templates ? *std::move(templates)
                                                                   : built_in_templates());
  }
  Task<> reload_templates() {
    const std::string path = child_.config()->bounce_template_file;
    auto loaded = co_await child_.loop().offload([&] { return load_templates(path); });
    use(std::move(loaded));
  }

  Task<> remove_orphans() {
    for (;;) {
      co_await child_.loop().sleep(orphan_round);
      co_await queue_->remove_orphans();
    }
  }

  Task<> show_ages() {
    for (;;) {
      scheduler_.ages().show(Clock::system().now_seconds());
      co_await child_.loop().sleep(ages_round);
    }
  }
  Task<Result<Done>> note_result(NoteTlsResult result) {
    auto noting = tls_reporter_.note(std::move(result));
    co_await std::move(noting);
    co_return Done();
  }
  Task<Result<Done>> note_tls(NoteTls note) {
    auto warning = levels_.note(note, Clock::system().now_seconds(),
                                child_.config()->smtp_tls_best_levels_max);
    if (warning) log_warning("smtp", *warning);
    co_return Done();
  }
  void load_levels() {
    auto text = read_file(tls_levels_path(queue_->directory()), levels_bytes_max);
    if (!text) log_warning("qmgr", text.error().text());
    if (!text || !*text) return;
    levels_.take_text(**text, child_.config()->smtp_tls_best_levels_max);
  }
  Task<> keep_levels() {
    for (;;) {
      co_await child_.loop().sleep(levels_round);
      co_await save_levels();
    }
  }
  Task<> save_levels() {
    if (!levels_.is_changed()) co_return;
    levels_.note_saved();
    std::string path = tls_levels_path(queue_->directory());
    std::string text = levels_.text();
    auto written = co_await child_.loop().offload([&] { return write_tls_levels(path, text); });
    if (!written) log_warning("qmgr", written.error().text());
  }

  Task<> stop() {
    co_await scheduler_.drain();
    co_await save_levels();
    if (scheduler_.is_all_certain()) co_await queue_->note_orderly_stop();
    child_.finish();
  }

  Child& child_;
  std::unique_ptr<Queue> queue_;
  FactStore facts_;
  OpenBodies bodies_;
  Scheduler scheduler_;
  AddressVerifier verifier_;
  RoomDesk rooms_;
  OutgoingDesk outgoing_;
  PickupDesk pickup_;
  ControlServer control_;
  Reporter reporter_;
  TlsReporter tls_reporter_;
  std::set<std::string> flushing_;
  TlsLevels levels_;
  std::shared_ptr<const BounceTemplates> templates_;
  Nursery tasks_;
};

Result<Queue::Opened> open_queue(Child& child) {
  // Needed if we are an ordinary user; as root the master has created them.
  TRY_DO(prepare_queue_directories(*child.config()));
  return Queue::open(child.loop(), queue_options(*child.config()), Clock::system());
}

Error refusal(const Error& cause) {
  if (store::storage_problem(cause) == store::StorageProblem::Full) {
    return insufficient_storage();
  }
  return Error(451, "4.3.0", "Error: the queue can't be opened");
}

/// Stands in for the queue while it can't be opened because the disk is full: refuses mail and
/// tries again.
class ClosedQueue {
 public:
  explicit ClosedQueue(Child& child) : child_(child) {}

  /// Returns the queue once it is open.
  Task<Queue::Opened> wait(Error problem) {
    tell(problem);
    refuse();
    child_.on_drain([this] { child_.finish(); });
    for (;;) {
      co_await child_.loop().sleep(heal_seconds);
      auto opened = open_queue(child_);
      if (opened) {
        log_info("qmgr", "the queue is open");
        co_return *std::move(opened);
      }
      // Compares only the code, since the text names another file at each attempt.
      if (opened.error().code() != problem_->code()) tell(opened.error());
    }
  }

 private:
  void tell(Error problem) {
    problem_ = std::move(problem);
    log_error("qmgr", "open the queue: " + problem_->text() +
                          "; until it can be opened, mail is neither accepted nor delivered");
  }
  void refuse() {
    Services& services = child_.services("receive");
    services.on_raw<OpenBody>([this](OpenBody, std::vector<Descriptor>) { return refused(); });
    services.on_raw<DropBody>([this](DropBody, std::vector<Descriptor>) { return refused(); });
    services.on_raw<Submit>([this](Submit, std::vector<Descriptor>) { return refused(); });
    services.on_raw<PostNotice>([this](PostNotice, std::vector<Descriptor>) { return refused(); });
    services.on_raw<NoteEvaluation>(
        [this](NoteEvaluation, std::vector<Descriptor>) { return refused(); });
  }
  Task<Result<RawReply>> refused() { co_return refusal(*problem_); }

  Child& child_;
  std::optional<Error> problem_;
};

Task<> open_at_last(Child& child, Error problem, std::shared_ptr<QueueProcess>& process) {
  ClosedQueue closed(child);
  auto waiting = closed.wait(std::move(problem));
  auto opened = co_await std::move(waiting);
  process = std::make_shared<QueueProcess>(child, std::move(opened));
  process->serve();
}

}  // namespace

void run_queue(Child& child) {
  umask(077);
  // A commit may wait for others (../queue/group_commit.h) for as little as the kernel's usual
  // timer slack of 50 us, so that is made smaller. Threads started from here inherit it.
  ::prctl(PR_SET_TIMERSLACK, timer_slack_nanoseconds);
  std::shared_ptr<QueueProcess> process;
  auto opened = open_queue(child);
  if (opened) {
    process = std::make_shared<QueueProcess>(child, *std::move(opened));
    process->serve();
  } else {
    Error problem(opened.error().code(), "open the queue: " + opened.error().text());
    bool is_full = store::storage_problem(problem) == store::StorageProblem::Full;
    if (!is_full) log_fatal("qmgr", problem.text());
    if (!is_full) return child.refuse(problem);
    child.note_problem(problem.text());
    child.tasks().start(open_at_last(child, opened.error(), process));
  }
  child.run();
  if (process) process->end();
}

}  // namespace pennypost::smtp
