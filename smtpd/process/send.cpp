#include "smtpd/process/send.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/dns/cares_resolver.h"
#include "common/log/log.h"
#include "smtpd/delivery/sender.h"

namespace pennypost::smtp {
namespace {

class SendProcess {
 public:
  explicit SendProcess(Child& child)
      : child_(child),
        config_(child.config()),
        resolver_(child.loop(), DnsSettings::from(*config_, child.prepared().files)),
        connector_(child.loop(), *config_),
        sender_(child.loop(), config_, resolver_, connector_, child.prepared().client_tls) {
    child.services("queue").on<Attempt>([this](Attempt attempt, std::vector<Descriptor> files) {
      return send(std::move(attempt), std::move(files));
    });
    if (config_->smtp_dns_support_level == "dnssec") child.tasks().start(probe_dnssec());
    child.on_drain([this] {
      sender_.close_sessions();
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
    auto work = sender_.send(std::move(attempt), std::move(body));
    auto outcomes = co_await std::move(work);
    outcomes.process = ::getpid();
    if (child_.is_draining()) child_.tasks().start(finish_later());
    co_return std::move(outcomes);
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
                    why + "); name one that does in dns_servers or /etc/resolv.conf");
  }

  /// Waits until the answer has been sent.
  Task<> finish_later() {
    co_await child_.loop().sleep(Duration(50));
    finish_when_idle();
  }
  void finish_when_idle() {
    if (sender_.active() == 0) child_.finish();
  }

  Child& child_;
  std::shared_ptr<const Config> config_;
  CaresResolver resolver_;
  TcpConnector connector_;
  Sender sender_;
};

}  // namespace

void run_send(Child& child) {
  SendProcess process(child);
  child.run();
}

}  // namespace pennypost::smtp
