#include "smtpd/process/metrics.h"

#include <fcntl.h>

#include "common/config/client_settings.h"
#include "common/log/log.h"
#include "common/metrics/exposition.h"
#include "common/net/listener.h"
#include "common/process/host_figures.h"
#include "smtpd/http/server.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view metrics_path = "/metrics";

/// What a mail client asks for, so that it sets itself up.
HttpAnswer answer_client(const Config& config, const HttpQuestion& question) {
  HttpAnswer answer;
  auto told = client_settings::answer(config, question.path, question.query, question.body);
  if (told) {
    answer.content_type = std::move(told->content_type);
    answer.body = std::move(told->body);
    return answer;
  }
  answer.status = 404;
  answer.body = "the figures are at /metrics\n";
  return answer;
}

/// Asks the master for the figures and answers with them.
Task<HttpAnswer> answer(Child& child, HttpQuestion question) {
  if (question.path != metrics_path) co_return answer_client(*child.config(), question);
  if (question.is_post) co_return method_refused();
  HttpAnswer answer;
  auto asking = child.port("master").call_raw(AskFigures());
  auto reply = co_await std::move(asking);
  auto names = reply ? wire::decode<AskFigures::Names>(reply->body)
                     : Result<AskFigures::Names>(reply.error());
  bool is_whole = names && names->names.size() == reply->descriptors.size();
  if (!is_whole) {
    answer.status = 503;
    answer.body = "the figures can't be read now\n";
    co_return answer;
  }
  std::vector<metrics::DaemonFigures> daemons;
  for (std::size_t i = 0; i < names->names.size(); ++i) {
    auto view = metrics::FiguresView::map(reply->descriptors[i]);
    if (view) daemons.push_back({names->names[i], *std::move(view)});
  }
  answer.content_type = metrics::content_type;
  answer.body = metrics::exposition(daemons);
  co_return answer;
}

Task<> serve(Child& child) {
  co_await child.begun();
  auto asking = child.port("master").call_raw(AskMetricsSocket());
  auto reply = co_await std::move(asking);
  if (!reply || reply->descriptors.size() != 1) {
    log_error("metrics", "no socket to listen on" + (reply ? "" : ": " + reply.error().text()));
    co_return child.finish();
  }
  HttpServer server(child.loop(),
                    [&child](HttpQuestion question) { return answer(child, std::move(question)); });
  auto started = server.start(std::move(reply->descriptors.front()));
  if (!started) {
    log_error("metrics", started.error().text());
    co_return child.finish();
  }
  co_await server.run();
}

Task<Result<RawReply>> give_figures(std::string base_dir) {
  RawReply reply;
  AskFigures::Names names;
  for (auto& figures : open_figures(base_dir)) {
    names.names.push_back(figures.daemon);
    reply.descriptors.push_back(std::move(figures.file));
  }
  reply.body = wire::encode(names);
  co_return std::move(reply);
}

}  // namespace

namespace {

/// Empty: metrics_port is 0.
std::string endpoint_of(const Config& config) {
  if (config.metrics_port == 0) return "";
  return config.metrics_address + " " + std::to_string(config.metrics_port);
}

Result<Descriptor> listen_as(const Config& config) {
  auto address = IpAddress::parse(config.metrics_address);
  if (!address) return Error::permanent(config.metrics_address + " is not an IP address");
  return listen_tcp(Endpoint(*address, static_cast<std::uint16_t>(config.metrics_port)));
}

}  // namespace

Result<void> MetricsDesk::try_port(const Config& config) const {
  const std::string wanted = endpoint_of(config);
  if (wanted.empty() || wanted == endpoint_) return {};
  auto listening = listen_as(config);
  if (listening) return {};
  return Error::temporary("metrics_port: " + listening.error().text());
}

void MetricsDesk::serve(Master& master, Services& services) {
  services.on_raw<AskMetricsSocket>([this, &master](AskMetricsSocket, std::vector<Descriptor>) {
    return give_socket(master.config());
  });
  services.on_raw<AskFigures>([&master](AskFigures, std::vector<Descriptor>) {
    return give_figures(master.config()->base_dir);
  });
}

Task<Result<RawReply>> MetricsDesk::give_socket(std::shared_ptr<const Config> config) {
  std::string wanted = endpoint_of(*config);
  if (wanted.empty()) co_return Error::temporary("metrics_port is 0");
  if (wanted != endpoint_) {
    CO_TRY(socket_, listen_as(*config));
    endpoint_ = std::move(wanted);
  }
  RawReply reply;
  reply.body = wire::encode(Done());
  reply.descriptors.emplace_back(fcntl(socket_.number(), F_DUPFD_CLOEXEC, 3));
  co_return std::move(reply);
}

void run_metrics(Child& child) {
  child.tasks().start(serve(child));
  child.run();
}

}  // namespace pennypost::smtp
