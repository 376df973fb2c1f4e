#!/bin/sh
# The data check over 130,000 synthetic rows, and with decoding over a part. Needs about 9 GB under $1.
set -e
folder=${1:?where to write the rows}
python experiments/data_report/make_rows.py "$folder" 130000
OMP_NUM_THREADS=1 python experiments/data_report/measure.py "$folder" "data.train.part=[0.0,1.0]"
OMP_NUM_THREADS=1 python experiments/data_report/measure.py "$folder" "data.train.part=[0.0,0.06]" decode_images=true
