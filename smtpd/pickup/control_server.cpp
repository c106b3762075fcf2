#include "smtpd/pickup/control_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/address.h"
#include "smtpd/queue/queue_id.h"

namespace pennypost::smtp {
namespace {

/// What the numbers and lengths in a ListQueue::Entry and in each of its recipients take.
constexpr std::size_t list_entry_bytes = 30;
constexpr std::size_t list_recipient_bytes = 8;

Error not_allowed() { return Error(550, "5.7.1", "only root and the queue's owner may do that"); }

RawReply raw(std::string body) {
  RawReply reply;
  reply.body = std::move(body);
  return reply;
}

// A message with very many recipients must fit into an answer: the last ones get no reason.
std::vector<ListQueue::Waiting> waiting_recipients(const QueuedMessage& message,
                                                   std::size_t& reason_bytes_left) {
  std::vector<ListQueue::Waiting> waiting;
  for (auto number : message.pending()) {
    const auto& entry = message.recipient(number);
    ListQueue::Waiting one;
    one.address = entry.recipient.served_address();
    if (entry.reason.size() <= reason_bytes_left) {
      one.reason = entry.reason;
      reason_bytes_left -= entry.reason.size();
    }
    waiting.push_back(std::move(one));
  }
  return waiting;
}

/// As many as its encoded form has, which would take longer to make.
std::size_t bytes_of(const ListQueue::Entry& entry) {
  std::size_t bytes = list_entry_bytes + entry.id.size() + entry.sender.size();
  for (const auto& one : entry.recipients) {
    bytes += list_recipient_bytes + one.address.size() + one.reason.size();
  }
  return bytes;
}

std::string error_body(const Error& error) { return wire::encode(WireError(error)); }

/// Sends the reason before the connection is closed; a new socket has room for it, so this can't
/// block.
void turn_away(Descriptor socket) {
  Message out;
  out.type = control_error;
  out.body = error_body(Error(control_busy, "4.3.2", "too many connections of this user"));
  [[maybe_unused]] auto sent = send_blocking(socket.number(), std::move(out));
}

bool goes_to(const QueuedMessage& message, const Domain& site) {
  for (auto number : message.pending()) {
    auto address = MailAddress::parse(message.recipient(number).recipient.address, Utf8::Allowed);
    if (address && address->domain() && *address->domain() == site) return true;
  }
  return false;
}

}  // namespace

ControlServer::ControlServer(Loop& loop, Queue& queue, Scheduler& scheduler, PickupDesk& pickup,
                             GetConfig config)
    : loop_(loop),
      queue_(queue),
      scheduler_(scheduler),
      pickup_(pickup),
      config_(std::move(config)),
      clients_(loop),
      tasks_(loop) {}

Result<void> ControlServer::listen(const std::string& path) {
  TRY(auto socket, listen_unix(path, 0666));
  listener_.emplace(std::move(socket));
  return {};
}

Task<> ControlServer::run() {
  for (;;) {
    auto socket = co_await listener_->accept(loop_);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket->descriptor(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
    auto place = try_take_place(peer.uid);
    if (place) {
      tasks_.start(serve(socket->release(), *std::move(place)));
    } else {
      turn_away(socket->release());
    }
    // Accepts one connection in each turn of the loop, so that a flood of them does not stop other
    // work.
    co_await loop_.yield();
  }
}

std::optional<ControlClients::Place> ControlServer::try_take_place(uid_t uid) {
  auto per_user_max = config_()->control_clients_per_user_max;
  return clients_.try_take(uid, per_user_max);
}

Task<> ControlServer::serve(Descriptor socket, ControlClients::Place place) {
  MessageSocket peer(loop_, std::move(socket), control_bytes_max);
  try {
    auto work = converse(peer, place);
    co_await std::move(work);
  } catch (const Disconnected&) {
    // The client has hung up.
  }
}

Task<> ControlServer::converse(MessageSocket& peer, ControlClients::Place& place) {
  for (;;) {
    auto request = co_await within(loop_, config_()->control_timeout, peer.receive());
    if (!request) co_return;
    bool wants_answer = request->id != 0;
    auto reading = wait_until_read(peer);
    co_await std::move(reading);
    auto work = answer(*request, place);
    auto reply = co_await std::move(work);
    // Clients that send bad requests without pause are slowed down as well.
    if (!reply && !place.is_owner()) co_await loop_.sleep(control_rest_min);
    if (!wants_answer) continue;
    Message out;
    out.id = request->id;
    out.type = reply ? control_reply : control_error;
    if (reply) {
      out.body = std::move(reply->body);
      out.descriptors = std::move(reply->descriptors);
    } else {
      out.body = error_body(reply.error());
    }
    peer.send(std::move(out));
  }
}

/// Waits until the client has read its answers. Our own programs read an answer before they ask
/// again, and never wait here.
Task<> ControlServer::wait_until_read(const MessageSocket& peer) {
  constexpr Duration pause_max{256};
  Duration pause{1};
  auto before = peer.unsent();
  auto deadline = loop_.now() + config_()->control_timeout;
  while (peer.unsent() > 0) {
    if (peer.unsent() < before) deadline = loop_.now() + config_()->control_timeout;
    before = peer.unsent();
    if (loop_.now() >= deadline) {
      throw Disconnected(Disconnected::Reason::Timeout, "answers are not read");
    }
    co_await loop_.sleep(pause);
    pause = std::min(pause * 2, pause_max);
  }
}

Task<ControlServer::Answer> ControlServer::answer(Message& request, ControlClients::Place& place) {
  if (request.type == PostMail::type) {
    CO_TRY(auto ask, wire::decode<PostMail>(request.body));
    if (request.descriptors.size() != 1)
      co_return Error(501, "5.5.4", "the request has no message file");
    auto work = post(std::move(ask), std::move(request.descriptors[0]), place.uid());
    co_return co_await std::move(work);
  }
  auto work = place.in_turn(answer_other(request, place));
  co_return co_await std::move(work);
}

/// All requests but PostMail, which is not limited here, since a commit takes its time anyway.
Task<ControlServer::Answer> ControlServer::answer_other(Message& request,
                                                        ControlClients::Place& place) {
  const bool is_owner = place.is_owner();
  switch (request.type) {
    case ListQueue::type: {
      CO_TRY(auto ask, wire::decode<ListQueue>(request.body));
      auto allowing = pickup_.allow(LocalRight::List, place.uid());
      CO_TRY_DO(co_await std::move(allowing));
      auto work = list(std::move(ask));
      co_return co_await std::move(work);
    }
    case SummarizeQueue::type: {
      auto allowing = pickup_.allow(LocalRight::List, place.uid());
      CO_TRY_DO(co_await std::move(allowing));
      auto work = summarize();
      co_return co_await std::move(work);
    }
    case FlushQueue::type: {
      CO_TRY(auto ask, wire::decode<FlushQueue>(request.body));
      auto allowing = pickup_.allow(LocalRight::Flush, place.uid());
      CO_TRY_DO(co_await std::move(allowing));
      auto work = flush(std::move(ask));
      co_return co_await std::move(work);
    }
    case ChangeQueue::type: {
      if (!is_owner) co_return not_allowed();
      CO_TRY(auto ask, wire::decode<ChangeQueue>(request.body));
      auto work = change(std::move(ask));
      co_return co_await std::move(work);
    }
    case HoldUserMail::type: {
      if (!is_owner) co_return not_allowed();
      CO_TRY(auto ask, wire::decode<HoldUserMail>(request.body));
      auto work = hold(std::move(ask));
      co_return co_await std::move(work);
    }
    case ReadMessage::type: {
      if (!is_owner) co_return not_allowed();
      CO_TRY(auto ask, wire::decode<ReadMessage>(request.body));
      auto work = read(std::move(ask));
      co_return co_await std::move(work);
    }
    case RepairQueue::type: {
      if (!is_owner) co_return not_allowed();
      CO_TRY(auto ask, wire::decode<RepairQueue>(request.body));
      auto work = repair(std::move(ask));
      co_return co_await std::move(work);
    }
    case MakeCheckpoint::type: {
      if (!is_owner) co_return not_allowed();
      CO_TRY_DO(co_await queue_.make_checkpoint());
      co_return raw({});
    }
    case Pickup::type:
      pickup_.wake();
      co_return raw({});
    default:
      co_return Error(501, "5.5.1", "unknown request");
  }
}

Task<ControlServer::Answer> ControlServer::post(PostMail ask, Descriptor message, uid_t uid) {
  struct stat found {};
  if (!is_sealed_file(message) || ::fstat(message.number(), &found) != 0) {
    co_return Error(501, "5.5.4", "the message is not a sealed memory file");
  }
  auto bytes = static_cast<std::uint64_t>(found.st_size);
  auto work = pickup_.take(std::move(ask.submission), uid, message, 0, bytes, Changes());
  CO_TRY(auto id, co_await std::move(work));
  PostMail::Posted posted;
  posted.queue_id = id.value();
  co_return raw(wire::encode(posted));
}

/// One page: as many entries as fit into control_client_bytes_max, but at least one.
Task<ControlServer::Answer> ControlServer::list(ListQueue ask) {
  if (!ask.after.empty() && !is_queue_id(ask.after))
    co_return Error(501, "5.5.4", "not a queue id");
  CO_TRY(auto messages, co_await queue_.list(QueueId(ask.after), list_page_messages));
  ListQueue::Page page;
  page.waiting = scheduler_.size();
  std::size_t bytes_left = answer_bytes_max();
  for (auto& listed : messages) {
    bool is_new = !listed.record.has_value();
    QueuedMessage message(std::move(listed.envelope), listed.record, std::move(listed.outcomes));
    std::size_t reason_bytes_left = bytes_left;
    ListQueue::Entry entry;
    entry.id = message.id().value();
    entry.arrival = message.envelope().arrival / 1'000'000;
    entry.size = message.envelope().octets();
    entry.is_to_expire = message.record().is_to_expire;
    entry.sender = message.envelope().sender;
    entry.recipients = waiting_recipients(message, reason_bytes_left);
    entry.state = message.record().is_held             ? QueueState::Hold
                  : scheduler_.is_active(message.id()) ? QueueState::Active
                  : is_new                             ? QueueState::Incoming
                                                       : QueueState::Deferred;
    std::size_t bytes = bytes_of(entry);
    if (bytes > bytes_left && !page.entries.empty()) break;
    bytes_left -= std::min(bytes, bytes_left);
    page.next_after = entry.id;
    page.entries.push_back(std::move(entry));
  }
  co_return raw(wire::encode(page));
}

Task<ControlServer::Answer> ControlServer::summarize() {
  SummarizeQueue::Summary summary;
  summary.messages = scheduler_.size();
  CO_TRY(auto all, co_await queue_.put_off(SummarizeQueue::destinations_max));
  for (auto& one : all) {
    SummarizeQueue::Destination destination;
    destination.domain = std::move(one.domain);
    destination.recipients = one.recipients;
    destination.oldest = one.oldest;
    destination.reason = one.reason.substr(0, answer_bytes_max() / (2 * all.size()));
    summary.put_off.push_back(std::move(destination));
  }
  co_return raw(wire::encode(summary));
}

std::size_t ControlServer::answer_bytes_max() const { return config_()->control_client_bytes_max; }

Task<ControlServer::Answer> ControlServer::flush(FlushQueue ask) {
  Count count;
  if (!ask.id.empty()) {
    if (!scheduler_.flush(QueueId(ask.id))) {
      co_return Error(550, "5.5.4", printable(ask.id, 64) + ": no such message");
    }
    count.messages = 1;
  } else if (!ask.site.empty()) {
    if (!Domain::parse(ask.site, Utf8::Allowed)) {
      co_return Error(
          501, "5.5.4",
          printable(ask.site, 100) + ": not a domain; write example.com or [192.0.2.1]");
    }
    auto work = flush_site(std::move(ask.site));
    count.messages = co_await std::move(work);
  } else {
    pickup_.wake();
    scheduler_.flush();
    count.messages = static_cast<std::uint32_t>(scheduler_.size());
  }
  co_return raw(wire::encode(count));
}

Task<std::uint32_t> ControlServer::flush_site(std::string site) {
  std::uint32_t count = 0;
  auto domain = Domain::parse(site, Utf8::Allowed);
  if (!domain) co_return 0;
  QueueId after{std::string()};
  // Reads as many as there are now. New mail is listed last and must not keep this loop going.
  for (std::size_t left = scheduler_.size(); left > 0;) {
    auto messages = co_await queue_.list(after, list_page_messages);
    if (!messages || messages->empty()) break;
    after = messages->back().envelope.id;
    left -= std::min(left, messages->size());
    for (auto& listed : *messages) {
      QueuedMessage message(std::move(listed.envelope), listed.record, std::move(listed.outcomes));
      if (goes_to(message, *domain) && scheduler_.flush(message.id())) ++count;
    }
  }
  co_return count;
}

Task<ControlServer::Answer> ControlServer::change(ChangeQueue ask) {
  std::vector<QueueId> ids;
  for (const auto& which : ask.ids) {
    auto found = scheduler_.ids(which);
    ids.insert(ids.end(), found.begin(), found.end());
  }
  auto changing = change_all(ask.change, std::move(ids));
  co_return co_await std::move(changing);
}

Task<ControlServer::Answer> ControlServer::change_all(QueueChange change,
                                                      std::vector<QueueId> ids) {
  Count count;
  for (auto next = ids.begin(); next != ids.end();) {
    Nursery together(loop_);  // so that their changes share a commit
    while (together.size() < changes_at_once && next != ids.end()) {
      together.start(change_and_count(change, *next++, count.messages));
    }
    co_await together.join();
  }
  co_return raw(wire::encode(count));
}

Task<ControlServer::Answer> ControlServer::hold(HoldUserMail ask) {
  const std::string& user = ask.user;
  std::string address = user.find('@') != user.npos ? user : user + "@" + config_()->myorigin;
  auto is_of_user = [&](const Envelope& envelope) {
    return envelope.is_local ? equal_nocase(envelope.sender, address)
                             : equal_nocase(envelope.sasl_username, user);
  };
  std::vector<QueueId> found;
  QueueId after{std::string()};
  // As many as there are now, as in flush_site().
  for (std::size_t left = scheduler_.size(); left > 0;) {
    CO_TRY(auto messages, co_await queue_.list(after, list_page_messages));
    if (messages.empty()) break;
    after = messages.back().envelope.id;
    left -= std::min(left, messages.size());
    for (const auto& listed : messages) {
      if (is_of_user(listed.envelope)) found.push_back(listed.envelope.id);
    }
  }
  auto changing = change_all(QueueChange::Hold, std::move(found));
  co_return co_await std::move(changing);
}

Task<> ControlServer::change_and_count(QueueChange change, const QueueId& id,
                                       std::uint32_t& count) {
  auto work = change_one(change, id);
  bool is_found = co_await std::move(work);
  if (is_found) ++count;
}

Task<bool> ControlServer::change_one(QueueChange change, const QueueId& id) {
  switch (change) {
    case QueueChange::Hold:
      return scheduler_.hold(id);
    case QueueChange::Release:
      return scheduler_.release(id);
    case QueueChange::Remove:
      return scheduler_.remove(id);
    case QueueChange::Expire:
      return scheduler_.expire(id);
    case QueueChange::ExpireAndRelease:
      return scheduler_.expire_and_release(id);
    case QueueChange::Requeue:
      break;
  }
  return scheduler_.requeue(id);
}

Task<ControlServer::Answer> ControlServer::read(ReadMessage ask) {
  if (!is_queue_id(ask.id)) co_return Error(501, "5.5.4", "not a queue id");
  CO_TRY(auto message, co_await queue_.load(QueueId(ask.id)));
  if (!message) co_return Error(550, "5.5.4", ask.id + ": no such message");
  CO_TRY(auto text, co_await queue_.text(message->envelope(), message->envelope().size()));
  ReadMessage::Content content;
  content.envelope = message->envelope();
  std::size_t reason_bytes_left = answer_bytes_max();
  content.recipients = waiting_recipients(*message, reason_bytes_left);
  RawReply reply = raw(wire::encode(content));
  auto file = co_await loop_.offload([&] { return sealed_file(text); });
  if (!file) co_return std::move(file).error();
  reply.descriptors.push_back(*std::move(file));
  co_return std::move(reply);
}

Task<ControlServer::Answer> ControlServer::repair(RepairQueue ask) {
  RepairQueue::Repaired repaired;
  if (ask.is_purge) {
    pickup_.wake();  // it removes unfinished files from maildrop
    repaired.files_removed = co_await queue_.remove_orphans();
  }
  std::vector<QueueId> ids;
  if (ask.is_check) ids = scheduler_.ids("ALL");
  for (const auto& id : ids) {
    auto found = co_await queue_.find_damage(id);
    if (!found) co_return std::move(found).error();
    if (!*found) continue;
    ++repaired.damaged;
    if (repaired.problems.size() < RepairQueue::problems_max) {
      repaired.problems.push_back(**std::move(found));
    }
  }
  co_return raw(wire::encode(repaired));
}

}  // namespace pennypost::smtp
