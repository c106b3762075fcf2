#include "smtpd/process/send.h"

#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/text.h"
#include "common/config/lmtp_settings.h"
#include "common/dns/cares_resolver.h"
#include "common/log/log.h"
#include "smtpd/delivery/probe_messages.h"
#include "smtpd/delivery/sender.h"
#include "smtpd/scheduler/local_sockets.h"

namespace pennypost::smtp {
namespace {

/// By TCP from here, to a Unix socket through `queue`.
class Connections final : public Connector {
 public:
  Connections(Child& child, const Config& config)
      : loop_(child.loop()), queue_(child.port("queue")), tcp_(child.loop(), config) {}

  Task<Result<std::unique_ptr<Stream>>> connect(Target target) override {
    if (target.is_local()) return connect_local(std::move(target.socket));
    return tcp_.connect(std::move(target));
  }

 private:
  Task<Result<std::unique_ptr<Stream>>> connect_local(std::string path) {
    ConnectSocket ask;
    ask.path = std::move(path);
    auto asking = queue_.call_raw(std::move(ask));
    CO_TRY(auto answer, co_await std::move(asking));
    if (answer.descriptors.size() != 1) {
      co_return Error::temporary("4.3.0", "the queue process sent no socket");
    }
    std::unique_ptr<Stream> stream = Socket::adopted(loop_, std::move(answer.descriptors.front()));
    co_return std::move(stream);
  }

  Loop& loop_;
  Port& queue_;
  TcpConnector tcp_;
};

/// What a protocol needs to send.
struct Client {
  Client(Child& child, Protocol protocol, const std::shared_ptr<const Config>& config,
         Resolver& resolver, const ClientContexts& tls)
      : connections(child, *config),
        sender(child.loop(), protocol, config, resolver, connections, tls) {
    sender.on_notice(
        [&queue = child.port("queue")](const PostNotice& notice) { queue.post(notice); });
    sender.on_result(
        [&queue = child.port("queue")](const NoteTlsResult& note) { queue.post(note); });
    sender.on_session([&queue = child.port("queue")](const NoteTls& note) { queue.post(note); });
    sender.set_traces(&child.traces());
  }
  Connections connections;
  Sender sender;
};

class SendProcess {
 public:
  explicit SendProcess(Child& child)
      : child_(child),
        config_(child.config()),
        resolver_(child.loop(), DnsSettings::from(*config_, child.prepared().files)),
        smtp_(child, Protocol::Smtp, config_, resolver_, child.prepared().client_tls) {
    for (const auto& [name, tls] : child.prepared().transport_tls) {
      bool is_lmtp = config_->find_transport(name)->kind == TransportKind::Lmtp;
      auto own = std::make_unique<Client>(child, is_lmtp ? Protocol::Lmtp : Protocol::Smtp,
                                          config_->as_transport(name), resolver_, tls);
      own_.emplace(name, std::move(own));
    }
    child.services("queue").on<Attempt>([this](Attempt attempt, std::vector<Descriptor> files) {
      return send(std::move(attempt), std::move(files));
    });
    child.services("queue").on<Probe>(
        [this](Probe ask, std::vector<Descriptor>) { return probe(std::move(ask)); });
    if (config_->smtp_dns_support_level == "dnssec") child.tasks().start(probe_dnssec());
    child.on_drain([this] {
      smtp_.sender.close_sessions();
      if (lmtp_) lmtp_->sender.close_sessions();
      for (auto& [name, client] : own_) client->sender.close_sessions();
      finish_when_idle();
    });
  }

 private:
  Task<Result<Attempt::Outcomes>> send(Attempt attempt, std::vector<Descriptor> files) {
    if (attempt.envelope.body_is_file && files.empty()) {
      co_return Error::temporary("4.3.0", "the message's file did not come with the attempt");
    }
    Descriptor body;
    if (!files.empty()) body = std::move(files.front());
    auto work = sender_of(attempt.route).send(std::move(attempt), std::move(body));
    auto outcomes = co_await std::move(work);
    outcomes.process = ::getpid();
    if (child_.is_draining()) child_.tasks().start(finish_later());
    co_return std::move(outcomes);
  }

  Task<Result<Attempt::Outcomes>> probe(Probe ask) {
    auto work = sender_of(ask.attempt.route).probe(std::move(ask.attempt));
    auto outcomes = co_await std::move(work);
    outcomes.process = ::getpid();
    if (child_.is_draining()) child_.tasks().start(finish_later());
    co_return std::move(outcomes);
  }

  /// That for LMTP is made when it is first needed.
  Sender& sender_of(const Route& route) {
    auto own = own_.find(route.name);
    if (own != own_.end()) return own->second->sender;
    if (route.transport != Transport::Lmtp) return smtp_.sender;
    if (!lmtp_) {
      lmtp_.emplace(child_, Protocol::Lmtp, lmtp_client_config(*config_), resolver_,
                    child_.prepared().lmtp_tls);
    }
    return lmtp_->sender;
  }

  /// Like Postfix's dnssec_probe: warns an admin who relies on validated answers if there are none.
  Task<> probe_dnssec() {
    auto answer = co_await resolver_.root_zone();
    if (answer.status != DnsStatus::TryLater && answer.is_authentic) co_return;
    std::string why = answer.status == DnsStatus::TryLater
                          ? "they do not answer for the root zone: " + printable(answer.reason)
                          : "what they say of the root zone is not authentic";
    log_warning("smtp",
                "smtp_dns_support_level = dnssec, but the name servers do not validate DNSSEC (" +
                    why +
                    "); name one on this host that does in dns_servers or /etc/resolv.conf, or "
                    "set dns_trust_ad = yes if the way to another is safe");
  }

  /// Waits until the answer has been sent.
  Task<> finish_later() {
    co_await child_.loop().sleep(Duration(50));
    finish_when_idle();
  }
  void finish_when_idle() {
    auto active = smtp_.sender.active() + (lmtp_ ? lmtp_->sender.active() : 0);
    for (const auto& [name, client] : own_) active += client->sender.active();
    if (active == 0) child_.finish();
  }

  Child& child_;
  std::shared_ptr<const Config> config_;
  CaresResolver resolver_;
  Client smtp_;
  std::optional<Client> lmtp_;
  std::map<std::string, std::unique_ptr<Client>, std::less<>> own_;  // of [transport.NAME]
};

}  // namespace

void run_send(Child& child) {
  SendProcess process(child);
  child.run();
}

}  // namespace pennypost::smtp
