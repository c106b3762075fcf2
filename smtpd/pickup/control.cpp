#include "smtpd/pickup/control.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/net/unix_address.h"

namespace pennypost::smtp {
namespace {

constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
constexpr long answer_seconds_max = 600;

Error failed(const std::string& what) {
  return Error::temporary(what + ": " + std::strerror(errno));
}

}  // namespace

std::string queue_socket_path(const std::string& queue_directory) {
  return queue_directory + "/socket";
}

std::string checkpoint_directory(const std::string& queue_directory) {
  return queue_directory + "/checkpoint";
}

Result<QueueClient> QueueClient::connect(const std::string& queue_directory) {
  std::string path = queue_socket_path(queue_directory);
  TRY(auto address, unix_address(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return failed("socket");
  timeval limit{answer_seconds_max, 0};
  setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return failed("connect to " + path);
  }
  return QueueClient(std::move(socket));
}

Result<Message> QueueClient::exchange(std::uint16_t type, std::string body,
                                      std::vector<Descriptor> descriptors) {
  Message request;
  request.type = type;
  request.id = 1;
  request.body = std::move(body);
  request.descriptors = std::move(descriptors);
  // A user with too many connections gets an answer before his request, and the connection is
  // closed.
  auto sent = send_blocking(socket_.number(), std::move(request));
  if (!sent) return Error(control_busy, sent.error().text());
  TRY(auto answer, receive_blocking(socket_.number()));
  if (!answer) return Error::temporary("the queue closed the connection");
  if (answer->type == control_error) {
    TRY(auto error, wire::decode<WireError>(answer->body));
    return error.error();
  }
  return *std::move(answer);
}

Result<void> QueueClient::post(std::uint16_t type) {
  Message request;
  request.type = type;
  return send_blocking(socket_.number(), std::move(request));
}

Result<Descriptor> sealed_file(std::string_view bytes) {
  Descriptor file(::memfd_create("pennypost-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return failed("memory file");
  TRY_DO(write_all(file.number(), bytes, "a memory file"));
  if (::fcntl(file.number(), F_ADD_SEALS, seals) != 0) return failed("memory file");
  return file;
}

bool is_sealed_file(const Descriptor& file) {
  int found = ::fcntl(file.number(), F_GET_SEALS);
  return found >= 0 && (found & (F_SEAL_SHRINK | F_SEAL_WRITE)) == (F_SEAL_SHRINK | F_SEAL_WRITE);
}

}  // namespace pennypost::smtp
