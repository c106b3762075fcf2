// Whatever a client says, from its first byte to its last, the session does not crash, and ends.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "common/async/nursery.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "smtpd/inbound/session.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

class Silence final : public LogSink {
 public:
  void write(Severity, std::string_view, std::string_view, int) override {}
};

/// Takes what is for example.com, and every message.
class Anything final : public Backend {
 public:
  void notify(const PostNotice&) override {}
  void note(const NoteEvaluation&) override {}
  Task<ClientName> client_name(IpAddress) override { co_return ClientName(false); }
  Task<Result<CheckRecipient::Verdict>> check_recipient(CheckRecipient request) override {
    CheckRecipient::Verdict verdict;
    if (request.recipient.find("example.com") == std::string::npos) verdict.code = 554;
    verdict.has_quota = true;
    co_return std::move(verdict);
  }
  Task<Result<CheckRecipient::Verdict>> check_restrictions(CheckRestrictions) override {
    co_return CheckRecipient::Verdict();
  }
  Task<Result<FindFooter::Footer>> footer(FindFooter) override { co_return FindFooter::Footer(); }
  Task<Result<Canonicalize::Rewritten>> canonicalize(Canonicalize) override {
    co_return Canonicalize::Rewritten();
  }
  Task<Result<CheckContent::Findings>> check_content(CheckContent) override {
    co_return CheckContent::Findings();
  }
  Task<Result<CountClient::Counts>> count(CountClient) override { co_return CountClient::Counts(); }
  Task<Result<CheckSubmitter::Answer>> check_submitter(CheckSubmitter) override {
    co_return CheckSubmitter::Answer();
  }
  // Every other size finds a full mailbox.
  Task<Result<Fate>> room(AskRoom request) override {
    Fate fate;
    fate.code = request.bytes % 2 == 0 ? 250 : 452;
    fate.status = fate.code == 250 ? "2.1.5" : "4.2.2";
    co_return fate;
  }
  Task<Result<AskAllowance::Allowance>> allowance(AskAllowance) override {
    co_return AskAllowance::Allowance();
  }
  Task<Result<ScreenAccess::Verdict>> screen_access(ScreenAccess) override {
    co_return ScreenAccess::Verdict();
  }
  Task<Result<NameDnsbl::Name>> name_dnsbl(NameDnsbl) override { co_return NameDnsbl::Name(); }
  Task<Result<PassedTests>> recall_client(RecallClient) override { co_return PassedTests(); }
  void note_passed(const NotePassed&) override {}
  Task<Result<Descriptor>> open_body(QueueId) override {
    co_return Error(452, "4.3.1", "Insufficient system storage");
  }
  void drop_body(QueueId) override {}
  Task<Result<void>> flush(FlushSite) override { co_return Result<void>(); }
  Task<Result<FindMilters::Found>> find_milters(FindMilters) override {
    co_return FindMilters::Found();
  }
  Task<Result<DescribeDestination::Place>> describe(DescribeDestination) override {
    co_return DescribeDestination::Place();
  }
  Task<Result<std::unique_ptr<Stream>>> connect_milter(ConnectMilter) override {
    co_return Error::temporary("there is no milter");
  }
  Task<Result<std::unique_ptr<Stream>>> connect(ServerRef, std::string, Duration) override {
    co_return Error::temporary("there is no filter");
  }
  Task<Result<Deliver::Fates>> deliver(Deliver message) override {
    Deliver::Fates answer;
    answer.fates.resize(message.recipients.size());
    for (auto& fate : answer.fates) fate.code = message.message.envelope.is_8bit ? 451 : 250;
    co_return std::move(answer);
  }
  Task<Result<void>> submit(Submit message) override {
    std::uint64_t sum = 0;
    for (const Piece& piece : message.envelope.pieces) {
      ASSERT(piece.length == 0 || piece.offset + piece.length <= message.body.size());
      sum += piece.length == 0 ? piece.text.size() : piece.length;
    }
    ASSERT(sum == message.envelope.size());
    ASSERT(message.body.size() == message.envelope.body_bytes);
    co_return Result<void>();
  }
};

class AlwaysMore final : public store::AuthPort {
 public:
  Task<Result<store::AuthAnswer>> step(store::AuthStep step) override {
    store::AuthAnswer answer;
    answer.kind = step.response.size() % 3 == 2 ? store::AuthAnswer::Kind::Success
                                                : store::AuthAnswer::Kind::Continue;
    co_return std::move(answer);
  }
  void abort(std::uint64_t) override {}
  std::uint64_t next_exchange() override { return ++last_; }
  Task<bool> scram_serves_all() override { co_return true; }

 private:
  std::uint64_t last_ = 0;
};

Task<> talk(Session& session, Stream& client, std::string_view bytes, std::size_t piece) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    client.try_write(bytes.substr(0, piece));
  }
  client.shut_down();
  co_await session.serve();
}

void play(std::string_view bytes, std::size_t piece) {
  static const auto config = config_for_test(
      {"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no", "smtpd_error_sleep_time=0s",
       "message_size_limit=10000", "smtpd_authorized_xclient_hosts=198.51.100.9",
       "smtpd_authorized_xforward_hosts=198.51.100.0/24",
       "smtpd_reject_footer=$client $helo_name $recipient", "service.lmtp.kind=lmtp"});
  static const auto services = config->listening({Service::Smtp});
  Loop loop;
  Anything backend;
  AlwaysMore auth;
  ProcessContext process{loop, backend};
  process.auth = &auth;
  process.make_queue_id = [] { return QueueId("QUEUEID"); };
  bool is_lmtp = bytes.starts_with("LHLO");
  auto context = std::make_shared<const ServiceContext>(
      is_lmtp ? services.back() : services.front(), config, std::move(process));
  auto [server, client] = memory_streams(loop);
  Endpoint peer(*IpAddress::parse("198.51.100.9"), 4711);
  Endpoint local(*IpAddress::parse("192.0.2.7"), 25);
  Session session(context, std::move(server), peer, local);
  loop.run_until(talk(session, *client, bytes, piece));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto before = set_log(std::make_unique<Silence>());
  play(std::string_view(reinterpret_cast<const char*>(data), size), std::max<std::size_t>(size, 1));
  return 0;
}
