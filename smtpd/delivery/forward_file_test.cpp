#include "smtpd/delivery/forward_file.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

class Home {
 public:
  Home() {
    mkdtemp(path.data());
    account.name = "ann";
    account.home = path;
    account.uid = getuid();
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::ofstream(path + "/" + name) << text;
    chmod((path + "/" + name).c_str(), mode);
  }
  std::string path = "/tmp/pennypost-forward-test-XXXXXX";
  UserNames names(const std::string& extension = "") const {
    UserNames made;
    made.home = path;
    made.user = account.name;
    made.extension = extension;
    made.recipient_delimiter = "+";
    return made;
  }
  store::AccountRef account;
};

}  // namespace

TEST_CASE("the more particular .forward comes first, and only where there is an extension") {
  Home home;
  auto config = config_for_test({"recipient_delimiter=+"});
  CHECK(forward_paths(*config, home.names("lists")) ==
        std::vector<std::string>{home.path + "/.forward+lists", home.path + "/.forward"});
  CHECK(forward_paths(*config, home.names()) == std::vector<std::string>{home.path + "/.forward"});
}

TEST_CASE("forward_path may name all that is known of a recipient") {
  Home home;
  auto config =
      config_for_test({"forward_path=/f/$user/${local}${recipient_delimiter}$domain,"
                       " /g/$recipient, relative/$home"});
  auto names = home.names("x");
  names.local = "ann";
  names.domain = "example.org";
  names.recipient = "ann+x@example.org";
  CHECK(forward_paths(*config, names) ==
        std::vector<std::string>{"/f/ann/ann+example.org", "/g/ann+x@example.org"});
}

TEST_CASE("a .forward gives its items; none, or an empty one, gives nothing") {
  Home home;
  auto config = config_for_test();
  CHECK_FALSE(read_forward_file(*config, home.account, home.names())->has_value());
  home.write(".forward", "# nothing\n\n");
  CHECK_FALSE(read_forward_file(*config, home.account, home.names())->has_value());
  home.write(".forward", "\\ann\nbob@example.org, \"|/bin/cat\"\n");
  auto forward = read_forward_file(*config, home.account, home.names());
  REQUIRE(forward);
  REQUIRE(*forward);
  CHECK((*forward)->items.size() == 3);
}

TEST_CASE("a .forward that others could have written is not obeyed, and mail waits") {
  Home home;
  auto config = config_for_test({"dot_forward_bytes_max=1024"});
  home.write(".forward", "bob@example.org\n", 0664);
  CHECK(read_forward_file(*config, home.account, home.names()));
  chmod((home.path + "/.forward").c_str(), 0646);
  auto forward = read_forward_file(*config, home.account, home.names());
  REQUIRE_FALSE(forward);
  CHECK(forward.error().is_temporary());
  CHECK(forward.error().text().find("chmod o-w") != std::string::npos);
  home.write(".forward", std::string(2000, 'x'));
  chmod((home.path + "/.forward").c_str(), 0644);
  CHECK_FALSE(read_forward_file(*config, home.account, home.names()));
  std::filesystem::remove(home.path + "/.forward");
  std::filesystem::create_directory(home.path + "/.forward");
  CHECK_FALSE(read_forward_file(*config, home.account, home.names()));
}

TEST_CASE("a .forward that belongs to another user is not obeyed, root's is") {
  REQUIRE_MESSAGE(geteuid() == 0, "this needs root, who alone can give files away");
  Home home;
  home.account.uid = 54321;
  auto config = config_for_test();
  home.write(".forward", "bob@example.org\n");
  auto path = home.path + "/.forward";
  for (uid_t owner : {uid_t{54321}, uid_t{0}, uid_t{54322}}) {
    CAPTURE(owner);
    REQUIRE(chown(path.c_str(), owner, owner) == 0);
    auto forward = read_forward_file(*config, home.account, home.names());
    REQUIRE(forward.has_value() == (owner != 54322));
    if (forward) {
      CHECK(forward->has_value());
    } else {
      CHECK(forward.error().is_temporary());
      CHECK(forward.error().text() == path + ": it is owned by another user");
    }
  }
}
