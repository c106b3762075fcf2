#include "smtpd/process/lookup.h"

#include <atomic>
#include <cstdint>
#include <optional>

#include "common/async/inquiry.h"
#include "common/base/text.h"
#include "common/config/verify_settings.h"
#include "common/dns/cares_resolver.h"
#include "common/dns/connect_server.h"
#include "common/log/log.h"
#include "common/mailauth/tlsrpt_record.h"
#include "smtpd/milter/desk.h"
#include "smtpd/policy/client_counts.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/policy/evaluate.h"
#include "smtpd/policy/messages.h"
#include "smtpd/policy/outgoing_messages.h"
#include "smtpd/policy/policy_client.h"
#include "smtpd/policy/policy_tables.h"
#include "smtpd/policy/report_messages.h"
#include "smtpd/policy/report_poster.h"
#include "smtpd/policy/screen_messages.h"
#include "smtpd/policy/signing_keys.h"
#include "smtpd/routing/messages.h"
#include "smtpd/routing/resolution.h"
#include "smtpd/routing/router.h"
#include "smtpd/routing/sts_policies.h"
#include "smtpd/routing/sts_question.h"
#include "smtpd/scheduler/recipient_group.h"
#include "store/accounts/accounts.h"
#include "store/accounts/blocked_users.h"
#include "store/accounts/table_check.h"

namespace pennypost::smtp {
namespace {

/// For all the records that say where a domain's reports go.
constexpr std::chrono::seconds report_targets_time_max{60};

/// How often admins have asked for the tables to be checked at once.
using LooksAsked = std::atomic<std::uint64_t>;

/// The host's user database, and the matching of headers: these are long, and a sender can choose
/// one that is slow to match.
struct Sources {
  static SlowSource::Problem warning(std::string component) {
    return [component](const std::string& text) { log_warning(component, text); };
  }
  static SlowSource::Limits header_limits() {
    SlowSource::Limits limits;
    limits.deadline = content_checks_time_max;
    return limits;
  }
  std::shared_ptr<SlowSource> users = std::make_shared<SlowSource>(
      "user database", SlowSource::Limits(), warning("trivial-rewrite"));
  SlowSource headers{"header_checks", header_limits(), warning("cleanup")};
};

/// Everything that belongs to one configuration; requests keep the one with which they began.
struct Tables {
  static Result<std::shared_ptr<Tables>> open(Loop& loop, Child& child,
                                              std::shared_ptr<const Config> from,
                                              const std::shared_ptr<SlowSource>& users,
                                              std::shared_ptr<const LooksAsked> looks_asked) {
    auto tables = std::make_shared<Tables>();
    tables->config = std::move(from);
    const Config& config = *tables->config;
    auto options = store::map_options(config, "trivial-rewrite");
    options.looks_asked = std::move(looks_asked);
    auto system = store::SystemUsers::asked_through(users, store::system_users_of(config));
    TRY(auto accounts, store::Accounts::open(tables->config, std::move(system), options));
    auto host = Router::Host::of_system(config);
    tables->user_name = host.user_name;
    auto finder = finder_in(std::move(accounts));
    if (auto verifying = verify_config(config)) {
      TRY(auto router, Router::open(std::move(verifying), finder, host, options));
      tables->verifying_router.emplace(std::move(router));
    }
    TRY(auto router, Router::open(tables->config, finder, std::move(host), options));
    tables->router.emplace(std::move(router));
    tables->access.emplace(options);
    TRY(tables->blocked_users, store::BlockedUsers::open(config, options));
    tables->resolver.emplace(loop, DnsSettings::from(config, child.prepared().files));
    tables->signing_keys = std::make_unique<SigningKeys>(
        KeyDirectory(config.dkim_key_directory),
        [](const std::string& problem) { log_warning("dkim", problem + "; it is not used"); });
    tables->matches_patterns = std::ranges::any_of(tables_in(config), is_matched);
    return tables;
  }
  /// Whether a look-up in it may take long although nothing is waited for.
  static bool is_matched(const NamedTable& named) {
    std::string text = named.table.text();
    bool has_patterns = text.find("pcre:") != text.npos || text.find("regexp:") != text.npos;
    return has_patterns && !content_checked_by(named.parameter);
  }
  /// Evaluates until the slow sources have answered all that was asked: on the loop if the other
  /// answers are in memory or in mapped files, on a thread if patterns are matched.
  template <class Function>
  Task<std::invoke_result_t<Function&>> run(Loop& loop, Inquiry& inquiry, Function function) const {
    if (!matches_patterns) {
      auto work = inquiry.run(loop, [&] { return function(); });
      co_return co_await std::move(work);
    }
    for (;;) {
      auto value = co_await loop.offload([&] { return inquiry.evaluate(function); });
      if (!inquiry.has_open()) co_return value;
      co_await inquiry.answer(loop);
    }
  }

  std::shared_ptr<const Config> config;
  bool matches_patterns = false;
  std::function<std::optional<std::string>(std::uint32_t uid)> user_name;  // blocks
  std::optional<Router> router;
  std::optional<Router> verifying_router;  // nothing: the same
  mutable std::optional<AccessTables> access;
  std::optional<store::BlockedUsers> blocked_users;
  std::optional<CaresResolver> resolver;
  std::unique_ptr<SigningKeys> signing_keys;
};

class Lookup {
 public:
  explicit Lookup(Child& child) : child_(child) {
    sts_.load(*child.config());
    begin();
    child.on_trial([this](std::shared_ptr<const Config> config) { return prepare(config); });
    child.on_reload([this] { tables_ = std::move(tried_); });
    serve_receive(child.services("receive"));
    serve_queue(child.services("queue"));
  }

 private:
  void serve_receive(Services& services) {
    services.on<CountClient>(
        [this](CountClient event, std::vector<Descriptor>) { return count(std::move(event)); });
    services.on<CheckRecipient>([this](CheckRecipient ask, std::vector<Descriptor>) {
      return check_recipient(std::move(ask));
    });
    services.on<CheckSubmitter>([this](CheckSubmitter ask, std::vector<Descriptor>) {
      return check_submitter(std::move(ask));
    });
    services.on<ScreenAccess>([this](ScreenAccess ask, std::vector<Descriptor>) {
      return screen_client(std::move(ask));
    });
    services.on<NameDnsbl>(
        [this](NameDnsbl ask, std::vector<Descriptor>) { return name_dnsbl(std::move(ask)); });
    services.on<FindFooter>(
        [this](FindFooter ask, std::vector<Descriptor>) { return find_footer(std::move(ask)); });
    serve_content(services);
    services.on<FindMilters>(
        [this](FindMilters ask, std::vector<Descriptor>) { return find_milters(std::move(ask)); });
    services.on_raw<ConnectMilter>([this](ConnectMilter ask, std::vector<Descriptor>) {
      return connect_to_milter(std::move(ask));
    });
    services.on<DescribeDestination>([this](DescribeDestination ask, std::vector<Descriptor>) {
      return describe(std::move(ask));
    });
    services.on<CheckRestrictions>([this](CheckRestrictions ask, std::vector<Descriptor>) {
      return check_restrictions(std::move(ask));
    });
  }

  /// Requests about a message's content, from `receive` and `queue`.
  void serve_content(Services& services) {
    services.on<Canonicalize>(
        [this](Canonicalize ask, std::vector<Descriptor>) { return canonicalize(std::move(ask)); });
    services.on<CheckContent>([this](CheckContent ask, std::vector<Descriptor>) {
      return check_content(std::move(ask));
    });
  }

  /// Requests from `queue` only: a route has the next hop's credentials, which `receive` must not
  /// get.
  void serve_queue(Services& services) {
    serve_content(services);
    services.on<LookAtTables>([this](LookAtTables, std::vector<Descriptor>) { return look(); });
    services.on<CheckSubmitter>([this](CheckSubmitter ask, std::vector<Descriptor>) {
      return check_submitter(std::move(ask));
    });
    services.on<CheckUser>(
        [this](CheckUser ask, std::vector<Descriptor>) { return check_user(std::move(ask)); });
    services.on_raw<ConnectMilter>([this](ConnectMilter ask, std::vector<Descriptor>) {
      return connect_to_local_milter(ask.number);
    });
    services.on<Generalize>(
        [this](Generalize ask, std::vector<Descriptor>) { return generalize(std::move(ask)); });
    services.on<NoteMailbox>(
        [this](NoteMailbox of, std::vector<Descriptor>) { return note(std::move(of)); });
    services.on<Resolve>(
        [this](Resolve ask, std::vector<Descriptor>) { return resolve(std::move(ask)); });
    services.on<FindStsPolicy>([this](FindStsPolicy ask, std::vector<Descriptor>) {
      return find_sts_policy(std::move(ask));
    });
    services.on<FindSigningKeys>(
        [this](FindSigningKeys ask, std::vector<Descriptor>) { return find_keys(std::move(ask)); });
    services.on<SignDigests>(
        [this](SignDigests ask, std::vector<Descriptor>) { return sign(std::move(ask)); });
    services.on<FindReportTargets>([this](FindReportTargets ask, std::vector<Descriptor>) {
      return find_report_targets(std::move(ask));
    });
    services.on<PostReport>(
        [this](PostReport ask, std::vector<Descriptor>) { return post_report(std::move(ask)); });
  }

  /// Serves even if a table can't be read now; until it can, requests are answered by temporary
  /// Errors.
  void begin() {
    auto opened =
        Tables::open(child_.loop(), child_, child_.config(), sources_.users, looks_asked_);
    if (opened) {
      tables_ = std::move(*opened);
    } else {
      log_error("trivial-rewrite", opened.error().text());
      problem_ = opened.error().text();
      child_.note_problem(problem_);
    }
    for (auto& problem : store::lookup_table_problems(*child_.config())) {
      log_warning("trivial-rewrite", problem);
      child_.note_problem(std::move(problem));
    }
  }

  Task<Result<void>> prepare(std::shared_ptr<const Config> config) {
    CO_TRY(auto opened, Tables::open(child_.loop(), child_, config, sources_.users, looks_asked_));
    auto work = child_.loop().offload([&] { return store::lookup_table_problems(*config); });
    auto problems = co_await work;
    if (!problems.empty()) co_return Error::permanent(join(problems, "\n"));
    tried_ = std::move(opened);
    co_return Result<void>();
  }

  Result<std::shared_ptr<Tables>> tables() const {
    if (tables_ == nullptr) return Error::temporary("4.3.5", problem_);
    return tables_;
  }

  Task<Result<Resolution>> resolve(Resolve ask) {
    CO_TRY(auto using_tables, tables());
    Inquiry inquiry;
    auto work = using_tables->run(child_.loop(), inquiry, [&] {
      bool is_own = ask.is_probe && using_tables->verifying_router;
      const Router& router = is_own ? *using_tables->verifying_router : *using_tables->router;
      return router.resolve(ask.recipient, ask.sender, ask.filter);
    });
    auto resolution = co_await std::move(work);
    if (!resolution) {
      log_warning("trivial-rewrite", ask.recipient.address + ": " + resolution.error().text());
    }
    co_return std::move(resolution);
  }

  Task<Result<StsPolicy>> find_sts_policy(FindStsPolicy ask) {
    CO_TRY(auto using_tables, tables());
    std::shared_ptr<Resolver> resolver(using_tables, &*using_tables->resolver);
    auto finding = sts_.find(std::move(ask.domain), std::move(resolver), using_tables->config);
    co_return co_await std::move(finding);
  }

  static const Settings& settings_of(const Tables& using_tables, const std::string& name) {
    const Settings* settings = using_tables.config->find_service(name);
    return settings != nullptr ? *settings : *using_tables.config;
  }

  Task<Result<Verdict>> check_recipient(CheckRecipient ask) {
    auto evaluate = [&ask](const Settings& settings, PolicyTables& view) {
      return evaluate_recipient(ask, settings, view);
    };
    auto judging = judge(ask.service, evaluate);
    co_return co_await std::move(judging);
  }

  Task<Result<Verdict>> check_restrictions(CheckRestrictions ask) {
    auto evaluate = [&ask](const Settings& settings, PolicyTables& view) {
      return evaluate_restrictions(ask, settings, view);
    };
    auto judging = judge(ask.about.service, evaluate);
    co_return co_await std::move(judging);
  }

  /// Evaluates again and again, until neither DNS nor a policy server is to be asked.
  template <class Evaluate>
  Task<Result<Verdict>> judge(const std::string& service, Evaluate& evaluate) {
    CO_TRY(auto using_tables, tables());
    OutsideAnswers outside;
    Inquiry inquiry;
    for (int round = 0;; ++round) {
      auto work = using_tables->run(child_.loop(), inquiry, [&] {
        LookupTables view(*using_tables->router, *using_tables->access, full_, outside);
        return evaluate(settings_of(*using_tables, service), view);
      });
      auto verdict = co_await std::move(work);
      if (!outside.has_open() || round == outside_rounds_max) co_return std::move(verdict);
      const Settings& settings = settings_of(*using_tables, service);
      Duration limit = settings.address_verify_poll_delay *
                       static_cast<std::int64_t>(settings.address_verify_poll_count - 1);
      AskToVerify verify = [this, limit](std::string address) {
        return verify_address(std::move(address), limit);
      };
      co_await outside.ask(child_.loop(), *using_tables->resolver, policy_client_, verify);
    }
  }

  /// Asks the queue, which goes on asking the other host when we no longer wait.
  Task<Result<VerifyAddress::Verified>> verify_address(std::string address, Duration limit) {
    VerifyAddress ask;
    ask.address = std::move(address);
    auto asking = child_.port("queue").call(std::move(ask));
    auto verified = co_await within(child_.loop(), limit, std::move(asking));
    if (verified) co_return *std::move(verified);
    VerifyAddress::Verified later;
    later.reason = "Address verification in progress";
    co_return later;
  }

  Task<Result<CheckUser::Answer>> check_user(CheckUser ask) {
    CO_TRY(auto using_tables, tables());
    std::function<Result<std::string>()> find_name = [find = using_tables->user_name,
                                                      uid = ask.uid]() -> Result<std::string> {
      return find(uid).value_or("unknown");
    };
    auto call = sources_.users->begin<std::string>(std::move(find_name));
    co_await sources_.users->finish(child_.loop(), call);
    CheckUser::Answer answer;
    CO_TRY(answer.name, call->answer());
    HoldsName holds = [&](const TableRef& table, std::string_view name) -> Result<bool> {
      TRY(auto value, using_tables->access->find(table, name, store::MapList::Key::Whole));
      return value.has_value();
    };
    Inquiry inquiry;
    const auto& list = authorized_users(*using_tables->config, ask.right);
    auto work = using_tables->run(child_.loop(), inquiry,
                                  [&] { return is_listed_user(list, answer.name, holds); });
    CO_TRY(answer.is_allowed, co_await std::move(work));
    co_return std::move(answer);
  }

  Task<Result<CheckSubmitter::Answer>> check_submitter(CheckSubmitter ask) {
    CO_TRY(auto using_tables, tables());
    CO_TRY(auto block, using_tables->blocked_users->find(ask.user));
    CheckSubmitter::Answer answer;
    answer.is_blocked = block.has_value();
    co_return answer;
  }

  Task<Result<ScreenAccess::Verdict>> screen_client(ScreenAccess ask) {
    CO_TRY(auto using_tables, tables());
    auto find = [&](const TableRef& table, std::string_view key) {
      return using_tables->access->find(table, key, store::MapList::Key::Whole);
    };
    auto warn = [](const std::string& text) { log_warning("postscreen", text); };
    const auto& list = settings_of(*using_tables, ask.service).postscreen_access_list;
    Inquiry inquiry;
    auto work = using_tables->run(child_.loop(), inquiry,
                                  [&] { return screen_access(list, ask, find, warn); });
    ScreenAccess::Verdict verdict;
    verdict.answer = co_await std::move(work);
    co_return verdict;
  }

  Task<Result<NameDnsbl::Name>> name_dnsbl(NameDnsbl ask) {
    CO_TRY(auto using_tables, tables());
    NameDnsbl::Name named;
    named.name = ask.zone;
    for (const auto& table : settings_of(*using_tables, ask.service).postscreen_dnsbl_reply_map) {
      CO_TRY(auto found, using_tables->access->find(table, ask.zone, store::MapList::Key::Whole));
      if (!found) continue;
      named.name = *std::move(found);
      break;
    }
    co_return std::move(named);
  }

  Task<Result<FindFooter::Footer>> find_footer(FindFooter ask) {
    CO_TRY(auto using_tables, tables());
    FindFooter::Footer footer;
    for (const auto& table : settings_of(*using_tables, ask.service).smtpd_reject_footer_maps) {
      CO_TRY(auto found,
             using_tables->access->find(table, ask.refusal, store::MapList::Key::Whole));
      if (!found) continue;
      footer.is_found = true;
      footer.text = *std::move(found);
      break;
    }
    co_return std::move(footer);
  }

  Task<Result<Canonicalize::Rewritten>> canonicalize(Canonicalize ask) {
    CO_TRY(auto using_tables, tables());
    Inquiry inquiry;
    auto work = using_tables->run(child_.loop(), inquiry,
                                  [&] { return using_tables->router->canonicalize(ask); });
    auto rewritten = co_await std::move(work);
    if (!rewritten) log_warning("cleanup", rewritten.error().text());
    co_return std::move(rewritten);
  }

  Task<Result<Generalize::Rewritten>> generalize(Generalize ask) {
    CO_TRY(auto using_tables, tables());
    Inquiry inquiry;
    auto work = using_tables->run(child_.loop(), inquiry,
                                  [&] { return using_tables->router->generalize(ask); });
    auto rewritten = co_await std::move(work);
    if (!rewritten) log_warning("trivial-rewrite", rewritten.error().text());
    co_return std::move(rewritten);
  }

  Task<Result<CheckContent::Findings>> check_content(CheckContent ask) {
    using Findings = CheckContent::Findings;
    CO_TRY(auto using_tables, tables());
    std::function<Result<Findings>()> match = [using_tables, ask = std::move(ask)] {
      FindContent find = [&](const TableRef& table, std::string_view key) {
        return using_tables->access->find(table, key, store::MapList::Key::Whole);
      };
      return smtp::check_content(ask, settings_of(*using_tables, ask.service), find);
    };
    auto call = sources_.headers.begin<Findings>(std::move(match));
    co_await sources_.headers.finish(child_.loop(), call);
    auto findings = call->answer();
    if (!findings) log_warning("cleanup", "header_checks: " + findings.error().text());
    co_return std::move(findings);
  }

  Result<std::vector<std::string>> milters_of(const Tables& using_tables,
                                              const std::string& service,
                                              const std::string& client) {
    auto find = [&](const TableRef& table, std::string_view key) {
      return using_tables.access->find(table, key, store::MapList::Key::Whole);
    };
    return milters_for(settings_of(using_tables, service), client, find);
  }

  Task<Result<FindMilters::Found>> find_milters(FindMilters ask) {
    CO_TRY(auto using_tables, tables());
    FindMilters::Found found;
    CO_TRY(found.milters, milters_of(*using_tables, ask.service, ask.client_address));
    co_return std::move(found);
  }

  Task<Result<DescribeDestination::Place>> describe(DescribeDestination ask) {
    CO_TRY(auto using_tables, tables());
    CO_TRY(auto address, MailAddress::parse(ask.address, Utf8::Allowed));
    Inquiry inquiry;
    auto work = using_tables->run(child_.loop(), inquiry,
                                  [&] { return using_tables->router->destination(address); });
    CO_TRY(auto resolution, co_await std::move(work));
    DescribeDestination::Place place;
    const Route& route = resolution.route;
    bool is_local = resolution.is_expansion || route.transport == Transport::Local;
    place.mailer = resolution.is_expansion ? "local" : settings_name(route);
    place.host = is_local ? domain_key(address) : route.next_hop;
    co_return std::move(place);
  }

  Task<Result<RawReply>> connect_to_milter(ConnectMilter ask) {
    CO_TRY(auto using_tables, tables());
    CO_TRY(auto milters, milters_of(*using_tables, ask.service, ask.client_address));
    auto connecting = connect_milter(child_.loop(), *using_tables->resolver, std::move(milters),
                                     ask.number, settings_of(*using_tables, ask.service),
                                     using_tables->config->queue_directory);
    co_return co_await std::move(connecting);
  }

  Task<Result<RawReply>> connect_to_local_milter(std::uint32_t number) {
    CO_TRY(auto using_tables, tables());
    const Config& config = *using_tables->config;
    auto connecting =
        connect_milter(child_.loop(), *using_tables->resolver, config.non_smtpd_milters, number,
                       config, config.queue_directory);
    co_return co_await std::move(connecting);
  }

  /// A policy server by name is looked up with the resolver of the present configuration.
  Task<Result<std::unique_ptr<Stream>>> connect_to_server(ServerRef to, Duration timeout) {
    CO_TRY(auto using_tables, tables());
    auto connecting = connect_server(child_.loop(), *using_tables->resolver, std::move(to),
                                     using_tables->config->queue_directory, timeout);
    CO_TRY(auto socket, co_await std::move(connecting));
    std::unique_ptr<Stream> stream = std::move(socket);
    co_return std::move(stream);
  }

  Task<Result<FindSigningKeys::Keys>> find_keys(FindSigningKeys ask) {
    CO_TRY(auto using_tables, tables());
    auto found = using_tables->signing_keys->find(ask, child_.loop().now());
    if (!found) log_warning("dkim", found.error().text());
    co_return std::move(found);
  }

  Task<Result<FindReportTargets::Targets>> find_report_targets(FindReportTargets ask) {
    CO_TRY(auto using_tables, tables());
    auto& loop = child_.loop();
    auto& resolver = *using_tables->resolver;
    FindReportTargets::Targets answer;
    if (ask.kind == ReportKind::Dmarc) {
      auto finding = report_targets(loop, resolver, std::move(ask.domain), report_targets_time_max);
      CO_TRY(answer.addresses, co_await std::move(finding));
      co_return std::move(answer);
    }
    auto finding = tlsrpt_targets(loop, resolver, std::move(ask.domain), report_targets_time_max);
    CO_TRY(auto found, co_await std::move(finding));
    answer.addresses = std::move(found.addresses);
    answer.web = std::move(found.web);
    co_return std::move(answer);
  }

  Task<Result<Done>> post_report(PostReport ask) {
    CO_TRY(auto using_tables, tables());
    std::shared_ptr<Resolver> resolver(using_tables, &*using_tables->resolver);
    auto posting = poster_.post(std::move(ask), std::move(resolver), using_tables->config);
    CO_TRY_DO(co_await std::move(posting));
    co_return Done();
  }

  Task<Result<SignDigests::Signatures>> sign(SignDigests ask) {
    CO_TRY(auto using_tables, tables());
    auto now = child_.loop().now();
    auto made =
        co_await child_.loop().offload([&] { return using_tables->signing_keys->sign(ask, now); });
    if (!made) log_warning("dkim", made.error().text());
    co_return std::move(made);
  }

  Task<Result<Done>> look() {
    ++*looks_asked_;
    co_return Done();
  }

  Task<Result<Done>> note(NoteMailbox note) {
    full_.note(note.account, note.is_full);
    co_return Done();
  }

  Task<Result<CountClient::Counts>> count(CountClient event) {
    co_return counts_.note(event, child_.config()->anvil_rate_time_unit);
  }

  Child& child_;
  std::shared_ptr<LooksAsked> looks_asked_ = std::make_shared<LooksAsked>(0);
  Sources sources_;
  ClientCounts counts_;
  FullMailboxes full_;
  StsPolicies sts_{child_.loop(), sts_directory(child_.config()->data_directory), Clock::system(),
                   fetch_by_https};
  ReportPoster poster_{child_.loop(), fetch_by_https};
  std::shared_ptr<Tables> tables_;
  PolicyClient policy_client_{child_.loop(), [this](const ServerRef& to, Duration timeout) {
                                return connect_to_server(to, timeout);
                              }};
  std::shared_ptr<Tables> tried_;  // of a new configuration that is being tried
  std::string problem_;
};

}  // namespace

void run_lookup(Child& child) {
  Lookup lookup(child);
  child.run();
}

}  // namespace pennypost::smtp
