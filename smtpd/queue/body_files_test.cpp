#include "smtpd/queue/body_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/scratch.h"
#include "smtpd/queue/queue_id.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

bool is_there(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0;
}

}  // namespace

TEST_CASE("a body that is removed while a copy is made is in the copy, and gone afterwards") {
  Scratch scratch;
  auto files = BodyFiles::open(scratch.path() / "body");
  REQUIRE(files);
  QueueId early = make_queue_id(Clock::system());
  QueueId late = make_queue_id(Clock::system());
  for (const auto& id : {early, late}) REQUIRE(files->create(id));
  files->remove(early);
  CHECK_FALSE(is_there(scratch / ("body/" + early.value())));
  {
    BodyFiles::Hold hold(*files);
    files->remove(late);
    REQUIRE(files->link_all(scratch.path() / "copy"));
  }
  CHECK(is_there(scratch / ("copy/" + late.value())));
  CHECK_FALSE(is_there(scratch / ("copy/" + early.value())));
  CHECK_FALSE(is_there(scratch / ("body/" + late.value())));
  // Afterwards files are removed at once again.
  QueueId last = make_queue_id(Clock::system());
  REQUIRE(files->create(last));
  files->remove(last);
  CHECK_FALSE(is_there(scratch / ("body/" + last.value())));
}
