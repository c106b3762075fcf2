#include "smtpd/inbound/screen.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/net/disconnected.h"
#include "smtpd/inbound/backend.h"
#include "smtpd/inbound/service_context.h"

namespace pennypost::smtp {
namespace {

ScreenRules::Action parse_action(std::string_view word) {
  using Action = ScreenRules::Action;
  if (word == "enforce") return Action::Enforce;
  return word == "drop" ? Action::Drop : Action::Ignore;
}

/// `[192.0.2.7]:4711`
std::string bracketed(const Endpoint& endpoint) {
  return "[" + endpoint.address().text() + "]:" + std::to_string(endpoint.port());
}

}  // namespace

ScreenRules::ScreenRules(const Settings& settings)
    : denylist_action(parse_action(settings.postscreen_denylist_action)), interfaces({}) {
  auto test = [&](ScreenTest which) -> Test& { return tests[static_cast<std::size_t>(which)]; };
  test(ScreenTest::Greet) = {!settings.postscreen_greet_banner.empty(),
                             parse_action(settings.postscreen_greet_action),
                             settings.postscreen_greet_ttl};
  test(ScreenTest::Dnsbl) = {!settings.postscreen_dnsbl_sites.empty(),
                             parse_action(settings.postscreen_dnsbl_action),
                             settings.postscreen_dnsbl_max_ttl};
  test(ScreenTest::Pipelining) = {settings.postscreen_pipelining_enable,
                                  parse_action(settings.postscreen_pipelining_action),
                                  settings.postscreen_pipelining_ttl};
  test(ScreenTest::NonSmtp) = {settings.postscreen_non_smtp_command_enable,
                               parse_action(settings.postscreen_non_smtp_command_action),
                               settings.postscreen_non_smtp_command_ttl};
  test(ScreenTest::BareNewline) = {settings.postscreen_bare_newline_enable,
                                   parse_action(settings.postscreen_bare_newline_action),
                                   settings.postscreen_bare_newline_ttl};
  auto is_table = [](const std::string& item) { return TableRef::is_table(item); };
  asks_tables = std::ranges::any_of(settings.postscreen_access_list, is_table);
  // What does not parse was refused when the configuration was read.
  if (auto list = parse_screen_interfaces(settings.postscreen_allowlist_interfaces)) {
    interfaces = *std::move(list);
  }
  for (const std::string& item : settings.postscreen_dnsbl_sites) {
    if (auto site = DnsblSite::parse(item)) sites.push_back(*std::move(site));
  }
}

Screen::Screen(const ServiceContext& context, Connection& connection, Endpoint peer, Endpoint local)
    : context_(context),
      rules_(*context.screen_rules()),
      backend_(context.backend()),
      connection_(connection),
      peer_(peer),
      local_(local),
      client_text_(bracketed(peer)),
      server_text_(bracketed(local)),
      begun_(context.loop().now()),
      news_(context.loop()) {}

Microseconds Screen::elapsed() const {
  return std::chrono::duration_cast<Microseconds>(context_.loop().now() - begun_);
}

std::int64_t& Screen::passed_until(ScreenTest test) {
  switch (test) {
    case ScreenTest::Greet:
      return passed_.greet;
    case ScreenTest::Dnsbl:
      return passed_.dnsbl;
    case ScreenTest::Pipelining:
      return passed_.pipelining;
    case ScreenTest::NonSmtp:
      return passed_.non_smtp;
    case ScreenTest::BareNewline:
      break;
  }
  return passed_.bare_newline;
}

Task<std::optional<Reply>> Screen::meet() {
  using Answer = ScreenAccess::Answer;
  log_screened(logged());
  auto asking = ask_access();
  Answer access = co_await std::move(asking);
  if (access == Answer::Permit) {
    log_screen_verdict("ALLOWLISTED", logged());
    co_return std::nullopt;
  }
  if (access == Answer::Reject) {
    log_screen_verdict("DENYLISTED", logged());
    auto over = act(rules_.denylist_action, Reply(550, "5.3.2", "Service currently unavailable"));
    if (over) co_return std::move(over);
  }
  if (!has_failed_) co_await recall();
  std::int64_t now = context_.process().clock->now_seconds();
  for (std::size_t i = 0; i < screen_tests; ++i) {
    due_[i] = rules_.tests[i].is_enabled && passed_until(static_cast<ScreenTest>(i)) <= now;
  }
  if (due_.none() && !has_failed_) {
    log_screen_verdict("PASS OLD", logged());
    co_return std::nullopt;
  }
  if (!rules_.interfaces.contains(local_.address())) {
    log_screen_verdict("ALLOWLIST VETO", logged());
    has_failed_ = true;
    refusal_ = Reply(450, "4.3.2", "Service currently unavailable");
  }
  auto testing = test_early();
  auto over = co_await std::move(testing);
  if (over) co_return std::move(over);
  has_met_ = true;
  is_testing_ = !is_refusing() && (due_ & ~settled_).any();
  if (!is_testing_) conclude();
  co_return std::nullopt;
}

/// What postscreen_access_list says of the client.
Task<ScreenAccess::Answer> Screen::ask_access() {
  ScreenAccess ask;
  ask.service = context_.service_name();
  ask.address = peer_.address().text();
  ask.is_in_mynetworks = context_.is_in_mynetworks(peer_.address());
  if (!rules_.asks_tables) {
    auto find = [](const TableRef&, std::string_view) -> Result<std::optional<std::string>> {
      return std::optional<std::string>();
    };
    co_return screen_access(context_.settings().postscreen_access_list, ask, find,
                            [](const std::string&) {});
  }
  auto verdict = co_await backend_.screen_access(std::move(ask));
  co_return verdict ? verdict->answer : ScreenAccess::Answer::None;
}

/// Learns which tests the client has passed. If the queue does not answer, that is none.
Task<> Screen::recall() {
  RecallClient ask;
  ask.address = peer_.address().text();
  auto known = co_await backend_.recall_client(std::move(ask));
  if (!known) co_return;
  passed_ = *std::move(known);
  is_new_ = passed_ == PassedTests();
}

/// The tests before the greeting: all at once, for postscreen_greet_wait at most.
Task<std::optional<Reply>> Screen::test_early() {
  const Settings& settings = context_.settings();
  bool asks_lists = is_due(ScreenTest::Dnsbl) && context_.process().resolver != nullptr;
  if (!asks_lists && !is_due(ScreenTest::Greet)) co_return std::nullopt;
  Loop& loop = context_.loop();
  if (asks_lists) {
    lists_.emplace(loop, *context_.process().resolver, rules_.sites);
    lists_->start(peer_.address(), settings.postscreen_dnsbl_timeout, news_);
  }
  Nursery listening(loop);
  if (is_due(ScreenTest::Greet)) {
    connection_.put("220-" + settings.postscreen_greet_banner + "\r\n");
    co_await connection_.flush();
    listening.start(listen());
  }
  SteadyTime until = loop.now() + settings.postscreen_greet_wait;
  while (!is_early_over() && loop.now() < until) {
    auto left = std::chrono::ceil<Duration>(until - loop.now());
    auto waiting = next_news();
    co_await within(loop, left, std::move(waiting));
  }
  listening.cancel();
  if (is_lost_) co_await connection_.fill();  // says so
  if (lists_) excuse_good();
  auto over = judge_greet();
  if (over) co_return std::move(over);
  if (lists_) {
    auto judging = judge_lists();
    over = co_await std::move(judging);
  }
  lists_.reset();
  co_return std::move(over);
}

/// Notices a client that speaks before its turn, or leaves.
Task<> Screen::listen() {
  try {
    co_await connection_.fill();
    has_spoken_ = true;
  } catch (const Disconnected&) {
    is_lost_ = true;
  }
  news_.notify_all();
}

Task<> Screen::next_news() { co_await news_.wait(); }

/// Whether nothing that may still happen within the wait would change what becomes of the client.
bool Screen::is_early_over() const {
  if (is_lost_) return true;
  bool drops_for_greet = has_spoken_ && action(ScreenTest::Greet) == Action::Drop;
  if (drops_for_greet) return true;
  bool knows_lists = !lists_ || lists_->is_complete();
  if (!knows_lists) return false;
  auto threshold = static_cast<long>(context_.settings().postscreen_dnsbl_threshold);
  bool drops_for_lists =
      lists_ && lists_->score().rank >= threshold && action(ScreenTest::Dnsbl) == Action::Drop;
  return drops_for_lists || has_spoken_ || !is_due(ScreenTest::Greet) || is_good();
}

/// Whether the DNS lists praise the client so much that it need not be tested otherwise.
bool Screen::is_good() const {
  const Settings& settings = context_.settings();
  auto praised = settings.postscreen_dnsbl_allowlist_threshold;
  return lists_ && !has_failed_ && !has_spoken_ && praised < 0 && lists_->score().rank <= praised &&
         lists_->score().rank < static_cast<long>(settings.postscreen_dnsbl_threshold);
}

/// Takes all other tests as passed by a client of whom the lists speak well.
void Screen::excuse_good() {
  if (!is_good()) return;
  const Settings& settings = context_.settings();
  auto life =
      lists_->score().life(settings.postscreen_dnsbl_min_ttl, settings.postscreen_dnsbl_max_ttl);
  for (auto test :
       {ScreenTest::Greet, ScreenTest::Pipelining, ScreenTest::NonSmtp, ScreenTest::BareNewline}) {
    if (due_[at(test)]) pass(test, life);
  }
}

std::optional<Reply> Screen::judge_greet() {
  if (!is_due(ScreenTest::Greet)) return std::nullopt;
  if (!has_spoken_) {
    pass(ScreenTest::Greet, rules_.tests[at(ScreenTest::Greet)].life);
    return std::nullopt;
  }
  settled_.set(at(ScreenTest::Greet));
  log_pregreet(logged(), elapsed(), connection_.buffered());
  return act(action(ScreenTest::Greet), Reply(550, "5.5.1", "Protocol error"));
}

Task<std::optional<Reply>> Screen::judge_lists() {
  const Settings& settings = context_.settings();
  DnsblScore score = lists_->score();
  if (score.rank < static_cast<long>(settings.postscreen_dnsbl_threshold)) {
    pass(ScreenTest::Dnsbl,
         score.life(settings.postscreen_dnsbl_min_ttl, settings.postscreen_dnsbl_max_ttl));
    co_return std::nullopt;
  }
  settled_.set(at(ScreenTest::Dnsbl));
  log_dnsbl_rank(logged(), score.rank);
  if (action(ScreenTest::Dnsbl) == Action::Ignore) co_return std::nullopt;
  auto naming = name_of_list();
  std::string name = co_await std::move(naming);
  co_return act(
      action(ScreenTest::Dnsbl),
      Reply(550, "5.7.1",
            "Service unavailable; client [" + peer_.address().text() + "] blocked using " + name));
}

/// What the client is told of the list; a zone that may be a secret stays one if the tables can't
/// be read.
Task<std::string> Screen::name_of_list() {
  std::string zone = lists_->score().zone;
  if (context_.settings().postscreen_dnsbl_reply_map.empty()) co_return zone;
  NameDnsbl ask;
  ask.service = context_.service_name();
  ask.zone = std::move(zone);
  auto named = co_await backend_.name_dnsbl(std::move(ask));
  co_return named ? named->name : std::string("a DNS list");
}

/// What a failed test leads to: the reply to a client that is sent away, else nothing.
std::optional<Reply> Screen::act(Action action, Reply refusal) {
  if (action == Action::Ignore) return std::nullopt;
  has_failed_ = true;
  if (action == Action::Drop) return Reply(521, refusal.status(), refusal.text()).and_hang_up();
  if (!refusal_ || refusal_->code() < 500) refusal_ = std::move(refusal);
  return std::nullopt;
}

void Screen::pass(ScreenTest test, std::chrono::seconds life) {
  settled_.set(at(test));
  succeeded_.set(at(test));
  std::int64_t until = context_.process().clock->now_seconds() + life.count();
  passed_until(test) = std::max(passed_until(test), until);
}

/// Has it remembered what the client has passed, unless it has failed another test.
void Screen::conclude() {
  if (has_failed_ || succeeded_.none()) return;
  if (succeeded_ == due_) log_screen_verdict(is_new_ ? "PASS NEW" : "PASS OLD", logged());
  NotePassed note;
  note.address = peer_.address().text();
  note.tests = passed_;
  backend_.note_passed(note);
}

void Screen::note_hangup() {
  log_screen_hangup(logged(), elapsed(), has_met_ ? "after" : "before");
}

void Screen::note_end() { log_screen_verdict("DISCONNECT", logged()); }

}  // namespace pennypost::smtp
