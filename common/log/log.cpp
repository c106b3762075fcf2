#include "common/log/log.h"

#include <sys/wait.h>

#include <cstdio>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t header_shown_bytes_max = 200;  // as in Postfix

/// One field: printable, and short enough for several in a line.
std::string field(std::string_view text) { return printable(text, 500); }

std::string peer_text(const LogPeer& peer) {
  std::string name = peer.name.empty() ? "unknown" : field(peer.name);
  return name + "[" + field(peer.address) + "]";
}

std::string subject(std::string_view queue_id) {
  return queue_id.empty() ? "NOQUEUE: " : field(queue_id) + ": ";
}

void write(std::string_view component, std::string_view text) {
  log_sink().write(Severity::Info, component, text);
}

/// ` from=<a@b> to=<x@y> proto=ESMTP helo=<h>`, or the parts that are known.
std::string transaction_fields(const LogTransaction& transaction) {
  std::string text;
  if (transaction.has_sender) text += " from=<" + field(transaction.sender) + ">";
  if (transaction.has_recipient) text += " to=<" + field(transaction.recipient) + ">";
  if (!transaction.protocol.empty()) text += " proto=" + field(transaction.protocol);
  if (!transaction.helo.empty()) text += " helo=<" + field(transaction.helo) + ">";
  return text;
}

std::string login_fields(const LogLogin& login) {
  std::string text = "user=<" + field(login.user) + ">";
  if (!login.method.empty()) text += ", method=" + field(login.method);
  text += ", rip=" + field(login.remote) + ", lip=" + field(login.local);
  if (login.tls) text += ", TLS";
  return text + ", session=<" + field(login.session) + ">";
}

}  // namespace

void log_info(std::string_view component, std::string_view text) {
  write(component, printable(text, log_line_bytes_max));
}

void log_warning(std::string_view component, std::string_view text) {
  log_sink().write(Severity::Warning, component, printable(text, log_line_bytes_max));
}

void log_error(std::string_view component, std::string_view text) {
  log_sink().write(Severity::Error, component, printable(text, log_line_bytes_max));
}

void log_fatal(std::string_view component, std::string_view text) {
  log_sink().write(Severity::Fatal, component, printable(text, log_line_bytes_max));
}

void log_connect(const LogPeer& peer) { write(peer.component, "connect from " + peer_text(peer)); }

void log_disconnect(const LogPeer& peer, std::string_view counts) {
  std::string text = "disconnect from " + peer_text(peer);
  if (!counts.empty()) text += " " + field(counts);
  write(peer.component, text);
}

void log_broken_off(std::string_view what, std::string_view stage, const LogPeer& peer) {
  write(peer.component, field(what) + " after " + field(stage) + " from " + peer_text(peer));
}

void log_client(std::string_view queue_id, const LogPeer& peer, std::string_view sasl_method,
                std::string_view sasl_username, const LogOrigin& origin) {
  std::string text = subject(queue_id) + "client=" + peer_text(peer);
  if (!sasl_method.empty()) text += ", sasl_method=" + field(sasl_method);
  if (!sasl_username.empty()) text += ", sasl_username=" + field(sasl_username);
  if (!origin.queue_id.empty()) text += ", orig_queue_id=" + field(origin.queue_id);
  if (!origin.client.empty()) text += ", orig_client=" + field(origin.client);
  write(peer.component, text);
}

void log_tls(std::string_view trust, const LogPeer& peer, std::string_view protocol,
             std::string_view cipher, int bits) {
  std::string_view direction = peer.component == "smtp" ? " to " : " from ";
  std::string size = std::to_string(bits);
  write(peer.component, std::string(trust) + " TLS connection established" +
                            std::string(direction) + peer_text(peer) + ": " + field(protocol) +
                            " with cipher " + field(cipher) + " (" + size + "/" + size + " bits)");
}

void log_sasl_failed(const LogPeer& peer, std::string_view mechanism, std::string_view reason,
                     std::string_view sasl_username) {
  std::string text =
      peer_text(peer) + ": SASL " + field(mechanism) + " authentication failed: " + field(reason);
  if (!sasl_username.empty()) text += ", sasl_username=" + field(sasl_username);
  log_sink().write(Severity::Warning, peer.component, text);
}

void log_decision(std::string_view action, const LogTransaction& transaction,
                  std::string_view reply) {
  std::string text = subject(transaction.queue_id) + field(action) + ": " +
                     field(transaction.stage) + " from " + peer_text(transaction.peer) + ": " +
                     printable(reply) + ";" + transaction_fields(transaction);
  if (text.ends_with(';')) text.pop_back();
  write(transaction.peer.component, text);
}

void log_authentication(const LogTransaction& transaction, std::string_view results) {
  write(transaction.peer.component,
        subject(transaction.queue_id) + "authentication: " + printable(results));
}

void log_message_id(std::string_view queue_id, std::string_view message_id) {
  write("cleanup", subject(queue_id) + "message-id=" + field(message_id));
}

void log_content_check(std::string_view action, std::string_view part, std::string_view content,
                       const LogTransaction& transaction, std::string_view text) {
  std::string origin = transaction.peer.address.empty() ? "local" : peer_text(transaction.peer);
  std::string line = subject(transaction.queue_id) + field(action) + ": " + std::string(part) +
                     " " + printable(content.substr(0, header_shown_bytes_max)) + " from " +
                     origin + ";" + transaction_fields(transaction);
  if (!text.empty()) line += ": " + printable(text);
  write("cleanup", line);
}

void log_sent_content_check(std::string_view component, std::string_view queue_id,
                            std::string_view action, std::string_view part,
                            std::string_view content, std::string_view text) {
  std::string line = subject(queue_id) + field(action) + ": " + std::string(part) + " " +
                     printable(content.substr(0, header_shown_bytes_max));
  if (!text.empty()) line += ": " + printable(text);
  write(component, line);
}

void log_pickup(std::string_view queue_id, std::uint32_t uid, std::string_view sender) {
  write("pickup",
        subject(queue_id) + "uid=" + std::to_string(uid) + " from=<" + field(sender) + ">");
}

void log_active(std::string_view queue_id, std::string_view sender, std::uint64_t size_bytes,
                std::size_t recipients) {
  write("qmgr", subject(queue_id) + "from=<" + field(sender) +
                    ">, size=" + std::to_string(size_bytes) +
                    ", nrcpt=" + std::to_string(recipients) + " (queue active)");
}

void log_expired(std::string_view queue_id, std::string_view sender, bool is_forced) {
  write("qmgr", subject(queue_id) + "from=<" + field(sender) + ">, status=" +
                    (is_forced ? "force-expired" : "expired") + ", returned to sender");
}

void log_removed(std::string_view queue_id) { write("qmgr", subject(queue_id) + "removed"); }

void log_queue_change(std::string_view queue_id, std::string_view what) {
  write("postsuper", subject(queue_id) + field(what));
}

void log_delivery(const LogDelivery& delivery) {
  std::string text = subject(delivery.queue_id) + "to=<" + field(delivery.recipient) + ">";
  if (!delivery.original.empty() && delivery.original != delivery.recipient) {
    text += ", orig_to=<" + field(delivery.original) + ">";
  }
  text += ", relay=" + field(delivery.relay);
  if (delivery.connection_use > 1) text += ", conn_use=" + std::to_string(delivery.connection_use);
  Microseconds total{};
  std::string parts;
  for (Microseconds delay : delivery.delays) {
    total += delay;
    parts += (parts.empty() ? "" : "/") + delay_text(delay);
  }
  text += ", delay=" + delay_text(total) + ", delays=" + parts + ", dsn=" + field(delivery.dsn) +
          ", status=" + field(delivery.status) + " (" + printable(delivery.reason) + ")";
  log_sink().write(Severity::Info, delivery.component, text, delivery.process);
}

void log_notification(std::string_view queue_id, std::string_view to, std::string_view kind,
                      std::string_view notification_id) {
  write("bounce", subject(queue_id) + field(to) + " " + field(kind) +
                      " notification: " + field(notification_id));
}

void log_login(const LogLogin& login) {
  write(std::string(login.service) + "-login", "Login: " + login_fields(login));
}

void log_login_ended(const LogLogin& login, std::string_view why) {
  write(std::string(login.service) + "-login",
        "Disconnected: " + field(why) + ": " + login_fields(login));
}

void log_logout(std::string_view service, std::string_view user, std::string_view session,
                std::string_view why, std::string_view counts) {
  write(service, "user=<" + field(user) + ">, session=<" + field(session) + ">: Disconnected: " +
                     field(why) + (counts.empty() ? "" : " " + field(counts)));
}

void log_master(std::string_view daemon, std::string_view what, std::string_view directory) {
  write("master", field(daemon) + ": " + field(what) +
                      " -- version " PENNYPOST_VERSION ", configuration " + field(directory));
}

void log_child_died(std::string_view daemon, std::string_view process, int pid, int wait_status) {
  std::string how = WIFSIGNALED(wait_status)
                        ? "killed by signal " + std::to_string(WTERMSIG(wait_status))
                        : "exit status " + std::to_string(WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS) {
    how += " (a system call that it must not make; the kernel's log names it)";
  }
  log_warning("master", "process " + std::string(daemon) + ": " + std::string(process) + " pid " +
                            std::to_string(pid) + " " + how);
}

std::string delay_text(Microseconds delay) {
  constexpr int tenth = 100'000;
  auto count = delay.count() < 0 ? 0 : delay.count();
  std::array<char, 32> text{};
  double seconds = static_cast<double>(count) / 1e6;
  int digits = count >= 99 * tenth ? 0 : count >= 99 * tenth / 10 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", digits, seconds);
  std::string result = text.data();
  if (digits > 0) {
    while (result.ends_with('0')) result.pop_back();
    if (result.ends_with('.')) result.pop_back();
  }
  return result;
}

}  // namespace pennypost
