// Plays a script against an SMTP session in memory; for unit tests.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/scratch.h"
#include "common/base/text.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "common/mail/mime.h"
#include "common/session/dialogue.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {

/// Stands in for the processes behind a session: example.com is local, with bob and carol.
class FakeBackend final : public Backend {
 public:
  Task<ClientName> client_name(IpAddress) override { co_return ClientName(name, name); }

  Task<Result<CheckRecipient::Verdict>> check_recipient(CheckRecipient request) override {
    asked.push_back(request);
    if (is_lookup_down) co_return Error::temporary("lookup is down");
    auto address = MailAddress::parse(request.recipient, Utf8::Allowed);
    CheckRecipient::Verdict verdict;
    verdict.hold = is_holding;
    verdict.discard = is_discarding;
    bool is_ours = address && (!address->domain() || address->domain()->key() == "example.com");
    if (!is_ours && !request.is_in_mynetworks && !request.is_authenticated) {
      verdict.code = 554;
      verdict.status = "5.7.1";
      verdict.text = "<" + request.recipient + ">: Relay access denied";
    }
    verdict.has_quota = room_left.contains(request.recipient);
    if (judge) judge("", request, verdict);
    co_return verdict;
  }

  Task<Result<CheckRecipient::Verdict>> check_restrictions(CheckRestrictions request) override {
    lists.push_back(request.parameter);
    CheckRecipient::Verdict verdict;
    if (request.parameter == refused_list) {
      verdict.code = 554;
      verdict.status = "5.7.1";
      verdict.text = "no";
    }
    if (judge) judge(request.parameter, request.about, verdict);
    co_return verdict;
  }

  Task<Result<FindFooter::Footer>> footer(FindFooter request) override {
    FindFooter::Footer footer;
    auto found = footers.find(request.refusal);
    footer.is_found = found != footers.end();
    if (footer.is_found) footer.text = found->second;
    co_return footer;
  }

  /// Rewrites `old@…` to `new@…`.
  Task<Result<Canonicalize::Rewritten>> canonicalize(Canonicalize request) override {
    canonicalized.push_back(request);
    if (is_canonical_down) co_return Error::temporary("lookup is down");
    auto rewritten = [](const std::string& text) {
      return text.starts_with("old@") ? "new" + text.substr(3) : text;
    };
    Canonicalize::Rewritten answer;
    answer.sender = rewritten(request.sender);
    for (const auto& one : request.in_header) answer.in_header.push_back(rewritten(one.text));
    answer.copies = copies;
    co_return answer;
  }

  /// Applies a test's checks, which are given as a map.
  Task<Result<CheckContent::Findings>> check_content(CheckContent request) override {
    checked_headers.push_back(request);
    if (is_header_check_down) co_return Error::temporary("lookup is down");
    auto find = [&](const TableRef&, std::string_view key) {
      auto found = header_actions.find(std::string(key));
      std::optional<std::string> none;
      return Result<std::optional<std::string>>(
          found == header_actions.end() ? none : std::optional(found->second));
    };
    auto config = config_for_test({"header_checks=inline:{a=b}", "body_checks=inline:{a=b}",
                                   "milter_header_checks=inline:{a=b}"});
    co_return smtp::check_content(request, *config, find);
  }

  Task<Result<CountClient::Counts>> count(CountClient event) override {
    CountClient::Counts counts;
    counted = event.address;
    counts.in_unit = ++events[event.event];
    co_return counts;
  }

  Task<Result<CheckSubmitter::Answer>> check_submitter(CheckSubmitter request) override {
    if (is_lookup_down) co_return Error::temporary("lookup is down");
    CheckSubmitter::Answer answer;
    answer.is_blocked = request.user == blocked;
    co_return answer;
  }

  /// Mailboxes have the room that `room_left` says, and a quota if they are named there.
  Task<Result<Fate>> room(AskRoom request) override {
    rooms.push_back(request.recipient + " " + std::to_string(request.bytes));
    if (is_room_unknown) co_return Error::temporary("the queue is down");
    Fate fate;
    fate.code = 250;
    if (request.bytes > room_left[request.recipient]) {
      bool is_final = request.recipient.starts_with("carol");
      fate.code = is_final ? 552 : 452;
      fate.status = is_final ? "5.2.2" : "4.2.2";
      fate.text = "full";
    }
    co_return fate;
  }

  Task<Result<AskAllowance::Allowance>> allowance(AskAllowance request) override {
    AskAllowance::Allowance left;
    left.recipients = request.user == "bob" ? recipients_left : 1000;
    left.limit = "outgoing_user_recipients_per_hour";
    co_return left;
  }

  Task<Result<ScreenAccess::Verdict>> screen_access(ScreenAccess request) override {
    ScreenAccess::Verdict verdict;
    auto found = screen_table.find(request.address);
    if (found != screen_table.end()) verdict.answer = found->second;
    co_return verdict;
  }

  Task<Result<NameDnsbl::Name>> name_dnsbl(NameDnsbl request) override {
    if (is_lookup_down) co_return Error::temporary("lookup is down");
    NameDnsbl::Name named;
    named.name = "public." + request.zone;
    co_return named;
  }

  Task<Result<PassedTests>> recall_client(RecallClient request) override {
    auto found = passed.find(request.address);
    co_return found == passed.end() ? PassedTests() : found->second;
  }

  void note_passed(const NotePassed& note) override { passed[note.address] = note.tests; }

  Task<Result<Descriptor>> open_body(QueueId id) override {
    if (is_disk_full) co_return Error(452, "4.3.1", "Insufficient system storage");
    std::string path = scratch / id.value();
    int descriptor = ::mkstemp((path + "XXXXXX").data());
    if (descriptor < 0) co_return Error(451, "can't create a file");
    file = ::dup(descriptor);
    co_return Descriptor(descriptor);
  }

  void drop_body(QueueId id) override { dropped.push_back(std::move(id)); }

  void notify(const PostNotice& notice) override { notices.push_back(notice); }

  void note(const NoteEvaluation& evaluation) override { evaluations.push_back(evaluation); }

  Task<Result<void>> flush(FlushSite request) override {
    flushed.push_back(request.site);
    co_return Result<void>();
  }

  Task<Result<FindMilters::Found>> find_milters(FindMilters request) override {
    FindMilters::Found found;
    auto of_client = milter_maps.find(request.client_address);
    if (of_client != milter_maps.end()) found.milters = of_client->second;
    co_return found;
  }

  Task<Result<DescribeDestination::Place>> describe(DescribeDestination request) override {
    DescribeDestination::Place place;
    place.mailer = request.address.ends_with("@example.com") ? "local" : "smtp";
    place.host = request.address.substr(request.address.find('@') + 1);
    co_return place;
  }

  /// A milter that a test plays, in memory.
  Task<Result<std::unique_ptr<Stream>>> connect_milter(ConnectMilter request) override {
    if (!play_milter) co_return Error::temporary("Connection refused");
    std::unique_ptr<Stream> stream = play_milter(request.number);
    co_return std::move(stream);
  }

  /// A filter that a test plays, in memory.
  Task<Result<std::unique_ptr<Stream>>> connect(ServerRef to, std::string, Duration) override {
    connected.push_back(to.name());
    if (!play_filter) co_return Error::temporary("Connection refused");
    std::unique_ptr<Stream> stream = play_filter();
    co_return std::move(stream);
  }

  Task<Result<void>> submit(Submit message) override {
    if (is_disk_full) co_return Error(452, "4.3.1", "Insufficient system storage");
    messages.push_back(std::move(message));
    co_return Result<void>();
  }

  /// Delivers to all; recipients who are named in `fates` get what stands there.
  Task<Result<Deliver::Fates>> deliver(Deliver message) override {
    if (is_disk_full) co_return Error(452, "4.3.1", "Insufficient system storage");
    Deliver::Fates answer;
    for (auto number : message.recipients) {
      Fate fate;
      fate.code = 250;
      fate.status = "2.0.0";
      fate.text = "Ok: delivered";
      for (const auto& recipient : message.message.envelope.recipients) {
        auto found = fates.find(recipient.address);
        if (recipient.number == number && found != fates.end()) fate = found->second;
      }
      answer.fates.push_back(std::move(fate));
    }
    messages.push_back(std::move(message.message));
    co_return std::move(answer);
  }

  std::map<std::string, Fate> fates;
  std::map<std::string, std::uint64_t> room_left;  // by address
  std::vector<std::string> rooms;                  // asked for
  bool is_room_unknown = false;
  std::map<std::string, ScreenAccess::Answer> screen_table;
  std::map<std::string, PassedTests> passed;
  std::string blocked;  // a user
  std::uint64_t recipients_left = 1000;

  /// The last message as it would be delivered.
  std::string content() const {
    REQUIRE(!messages.empty());
    const Submit& message = messages.back();
    std::string body = message.body;
    if (message.envelope.body_is_file) {
      body.resize(message.envelope.body_bytes);
      REQUIRE(::pread(file, body.data(), body.size(), 0) == static_cast<ssize_t>(body.size()));
    }
    CHECK(body.size() == message.envelope.body_bytes);
    std::string all;
    for (const Piece& piece : message.envelope.pieces) {
      all += piece.length == 0 ? piece.text : body.substr(piece.offset, piece.length);
    }
    CHECK(all.size() == message.envelope.size());
    CHECK(crlf_octets(all) == message.envelope.octets());
    return all;
  }
  /// The same without its first field, which must be Received.
  std::string content_as_sent() const {
    std::string all = content();
    REQUIRE(all.starts_with("Received: from "));
    auto end = all.find('\n');
    while (end + 1 < all.size() && is_blank(all[end + 1])) end = all.find('\n', end + 1);
    return all.substr(end + 1);
  }

  std::function<std::unique_ptr<Stream>(std::uint32_t number)> play_milter;
  std::map<std::string, std::vector<std::string>> milter_maps;  // by client
  std::function<std::unique_ptr<Stream>()> play_filter;
  std::vector<std::string> connected;
  std::string name = "client.example";
  std::map<CountClient::Event, std::uint32_t> events;
  std::string counted;  // the address that was counted last
  bool is_lookup_down = false;
  bool is_canonical_down = false;
  bool is_header_check_down = false;
  bool is_disk_full = false;
  bool is_holding = false;
  bool is_discarding = false;
  std::string refused_list;
  /// Changes a verdict; the list is empty at RCPT.
  std::function<void(std::string_view list, const CheckRecipient&, CheckRecipient::Verdict&)> judge;
  std::map<std::string, std::string> footers;
  std::vector<CheckRecipient> asked;
  std::vector<Canonicalize> canonicalized;
  std::vector<std::string> copies;  // who gets a blind copy
  std::map<std::string, std::string> header_actions;
  std::vector<CheckContent> checked_headers;
  std::vector<std::string> lists;
  std::vector<Submit> messages;
  std::vector<QueueId> dropped;
  std::vector<std::string> flushed;
  std::vector<PostNotice> notices;
  std::vector<NoteEvaluation> evaluations;
  Scratch scratch;
  int file = -1;
};

/// Accepts bob with the password `secret`, by PLAIN and LOGIN.
class FakeAuth final : public store::AuthPort {
 public:
  Task<Result<store::AuthAnswer>> step(store::AuthStep step) override {
    steps.push_back(step);
    store::AuthAnswer answer;
    if (step.mechanism == "PLAIN" && step.has_response) {
      bool is_right = step.response == std::string("\0bob\0secret", 11);
      answer.kind = is_right ? store::AuthAnswer::Kind::Success : store::AuthAnswer::Kind::Failure;
      answer.login = "bob";
      answer.reason = "wrong password";
      co_return answer;
    }
    answer.kind = store::AuthAnswer::Kind::Continue;
    if (step.mechanism == "LOGIN") {
      if (!step.has_response) answer.challenge = "Username:";
      if (step.has_response && step.response == "bob") answer.challenge = "Password:";
      if (step.response == "secret") answer.kind = store::AuthAnswer::Kind::Success;
      answer.login = "bob";
    }
    co_return answer;
  }
  void abort(std::uint64_t) override { ++aborted; }
  std::uint64_t next_exchange() override { return ++last; }
  Task<bool> scram_serves_all() override { co_return serves_scram; }

  std::vector<store::AuthStep> steps;
  int aborted = 0;
  std::uint64_t last = 0;
  bool serves_scram = true;
};

/// A server with one session at a time.
class Stage {
 public:
  explicit Stage(std::vector<std::string> settings = {}, Service of = Service::Smtp)
      : service(of), config(config_for_test(std::move(settings))) {}

  /// What went wrong; empty when the session followed the script.
  std::string run(std::string script) {
    auto [server, client_side] = memory_streams(loop);
    ProcessContext process{loop, backend};
    process.auth = has_auth ? &auth : nullptr;
    process.resolver = resolver;
    process.tls = tls;
    process.make_queue_id = [] { return QueueId("QUEUEID"); };
    process.connections = &connections;
    process.clock = &clock;
    process.add_filters = add_filters;
    auto services = config->listening({service});
    auto of = services.begin();
    while (!own_service.empty() && of->name != own_service) ++of;
    auto context = std::make_shared<const ServiceContext>(*of, config, std::move(process));
    Session session(context, std::move(server), Endpoint(*IpAddress::parse(client), 4711),
                    Endpoint(*IpAddress::parse("192.0.2.7"), 25));
    Connection connection(loop, std::move(client_side), Duration(5000));
    return loop.run_until(both(session, connection, std::move(script)));
  }

  Loop loop;
  FakeBackend backend;
  ConnectionCounts connections{nullptr, std::nullopt};
  FakeAuth auth;
  bool has_auth = true;
  ManualClock clock;
  Service service;
  std::string own_service;  // the name of a [service.NAME], in place of `service`
  std::shared_ptr<const Config> config;
  std::shared_ptr<TlsContext> tls;
  Resolver* resolver = nullptr;
  std::function<void(FilterChain&)> add_filters;
  std::string client = "198.51.100.9";
  LogCapture log;

 private:
  static Task<> serve(Session& session) {
    co_await session.serve();
    session.end();
  }
  Task<std::string> both(Session& session, Connection& connection, std::string script) {
    Nursery nursery(loop);
    nursery.start(serve(session));
    auto playing = play(connection, std::move(script));
    std::string wrong = co_await std::move(playing);
    connection.stream().shut_down();
    co_await nursery.join();
    co_return wrong;
  }
};

}  // namespace pennypost::smtp
